package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
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
