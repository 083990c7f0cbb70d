package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestChangePassword_JudgesTheNewPasswordBeforeTheOld(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil)
	err := b.app.ChangePassword(t.Context(), holder, app.PasswordChange{Current: goodPassword, New: "ann@example.com1"})
	requireFaults(t, err, "new_password too_personal")
}

func TestChangePassword_AsksForTheCurrentOne(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil).Times(2)
	b.idp.EXPECT().ChangePassword(gomock.Any(), holder, "é old", goodPassword).Return(nil)
	require.NoError(t, b.app.ChangePassword(t.Context(), holder, app.PasswordChange{Current: "e\u0301 old", New: goodPassword}))
	b.idp.EXPECT().ChangePassword(gomock.Any(), holder, "wrong", goodPassword).Return(domain.ErrInvalidCredentials)
	err := b.app.ChangePassword(t.Context(), holder, app.PasswordChange{Current: "wrong", New: goodPassword})
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, errBoom)
	require.ErrorIs(t, b.app.ChangePassword(t.Context(), holder, app.PasswordChange{New: goodPassword}), errBoom)
}

func TestForgotPassword_WithoutAnAddress_NamesTheField(t *testing.T) {
	b := setup(t)
	var invalid domain.Invalid
	require.ErrorAs(t, b.app.ForgotPassword(t.Context(), ""), &invalid)
	require.Equal(t, "email", invalid.Fields[0].Field)
}

func TestForgotPassword_SaysTheSameToEverybody(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().ForgotPassword(gomock.Any(), email(t, "ann@example.com")).Return(nil)
	require.NoError(t, b.app.ForgotPassword(t.Context(), "ANN@example.com"))
	require.NoError(t, b.app.ForgotPassword(t.Context(), "not an address"))
	b.idp.EXPECT().ForgotPassword(gomock.Any(), gomock.Any()).Return(errBoom)
	require.ErrorIs(t, b.app.ForgotPassword(t.Context(), "ann@example.com"), errBoom)
}

func TestResetPassword_ProvesTheAddressToo(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().ResetPassword(gomock.Any(), email(t, "ann@example.com"), "code", goodPassword).Return(annIdentity(t), nil)
	b.users.EXPECT().MarkVerified(gomock.Any(), "u1").Return(nil)
	require.NoError(t, b.app.ResetPassword(t.Context(), app.PasswordReset{Email: "Ann@example.com", Code: "code", New: goodPassword}))
}

func TestResetPassword_RefusesBadPasswordsAndCodes(t *testing.T) {
	b := setup(t)
	err := b.app.ResetPassword(t.Context(), app.PasswordReset{Email: "ann@example.com", Code: "c", New: "ann@example.com1"})
	requireFaults(t, err, "new_password too_personal")
	err = b.app.ResetPassword(t.Context(), app.PasswordReset{Email: "ann", Code: "c", New: goodPassword})
	require.ErrorIs(t, err, domain.ErrInvalidCode, "an address nobody can have has no code either")
	b.idp.EXPECT().ResetPassword(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(ports.Identity{}, domain.ErrInvalidCode)
	err = b.app.ResetPassword(t.Context(), app.PasswordReset{Email: "ann@example.com", Code: "c", New: goodPassword})
	require.ErrorIs(t, err, domain.ErrInvalidCode)
	b.idp.EXPECT().ResetPassword(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(annIdentity(t), nil)
	b.users.EXPECT().MarkVerified(gomock.Any(), "u1").Return(errBoom)
	err = b.app.ResetPassword(t.Context(), app.PasswordReset{Email: "ann@example.com", Code: "c", New: goodPassword})
	require.ErrorIs(t, err, errBoom)
}
