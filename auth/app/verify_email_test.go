package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestVerifyEmail_NeedsTheMailedCode(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().Confirm(gomock.Any(), email(t, "ann@example.com"), "good").Return(annIdentity(t), nil).Times(2)
	b.users.EXPECT().MarkVerified(gomock.Any(), "u1").Return(nil)
	require.NoError(t, b.app.VerifyEmail(t.Context(), "Ann@example.com", "good"))
	b.users.EXPECT().MarkVerified(gomock.Any(), "u1").Return(errBoom)
	require.ErrorIs(t, b.app.VerifyEmail(t.Context(), "Ann@example.com", "good"), errBoom)
	b.idp.EXPECT().Confirm(gomock.Any(), gomock.Any(), "bad").Return(ports.Identity{}, domain.ErrInvalidCode)
	require.ErrorIs(t, b.app.VerifyEmail(t.Context(), "ann@example.com", "bad"), domain.ErrInvalidCode)
	require.ErrorIs(t, b.app.VerifyEmail(t.Context(), "ann", "good"), domain.ErrInvalidCode)
}
