package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/domain"
)

func TestDeleteMe_RefusesWhileWalletsAreOpen(t *testing.T) {
	b := setup(t)
	b.wallets.EXPECT().CloseOwner(gomock.Any(), "u1").Return(domain.ErrWalletsNotClosed)
	require.ErrorIs(t, b.app.DeleteMe(t.Context(), holder), domain.ErrWalletsNotClosed) // and nothing else was called
}

func TestDeleteMe_ForgetsTheUserBeforeTheIdentity(t *testing.T) {
	b := setup(t)
	gomock.InOrder(
		b.wallets.EXPECT().CloseOwner(gomock.Any(), "u1").Return(nil),
		b.users.EXPECT().Delete(gomock.Any(), "u1").Return(nil),
		b.idp.EXPECT().Delete(gomock.Any(), "u1").Return(nil))
	require.NoError(t, b.app.DeleteMe(t.Context(), holder))
}

func TestDeleteMe_CanBeRepeatedAfterAFault(t *testing.T) {
	b := setup(t)
	b.wallets.EXPECT().CloseOwner(gomock.Any(), "u1").Return(nil).Times(2)
	b.users.EXPECT().Delete(gomock.Any(), "u1").Return(errBoom)
	require.ErrorIs(t, b.app.DeleteMe(t.Context(), holder), errBoom)
	b.users.EXPECT().Delete(gomock.Any(), "u1").Return(nil)
	b.idp.EXPECT().Delete(gomock.Any(), "u1").Return(errBoom)
	require.ErrorIs(t, b.app.DeleteMe(t.Context(), holder), errBoom)
}
