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

func TestRename_ChangesOnlyAGoodName(t *testing.T) {
	b := setup(t)
	renamed := ann(t)
	renamed.Name = name(t, "Annabel")
	b.users.EXPECT().Rename(gomock.Any(), "u1", renamed.Name).Return(renamed, nil)
	got, err := b.app.Rename(t.Context(), holder, " Annabel ")
	require.NoError(t, err)
	require.Equal(t, renamed, got)
	_, err = b.app.Rename(t.Context(), holder, "A\nB")
	requireFaults(t, err, "name not_text")
	b.users.EXPECT().Rename(gomock.Any(), "u1", renamed.Name).Return(domain.User{}, domain.ErrUserUnknown)
	_, err = b.app.Rename(t.Context(), holder, "Annabel")
	require.ErrorIs(t, err, domain.ErrUserUnknown)
}

func TestMe_IsTheBearer(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil)
	got, err := b.app.Me(t.Context(), holder)
	require.NoError(t, err)
	require.Equal(t, ann(t), got)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, domain.ErrUserUnknown)
	_, err = b.app.Me(t.Context(), holder)
	require.ErrorIs(t, err, domain.ErrUserUnknown)
}
