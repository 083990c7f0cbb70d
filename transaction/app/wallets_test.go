package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/domain"
)

func aWallet() domain.Wallet {
	return domain.Wallet{ID: "w1", Owner: "alice", Name: "USD", Status: domain.Active, Balance: usd(700), CreatedAt: noon.Add(-time.Hour)}
}

func TestListWallets_EverybodyHasOneFromRegistrationOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gomock.InOrder(
		b.wallets.EXPECT().All(gomock.Any(), domain.OwnerID("alice")).Return(nil, nil),
		b.wallets.EXPECT().AddDefault(gomock.Any(), gomock.Any()).Return(nil),
		b.wallets.EXPECT().All(gomock.Any(), domain.OwnerID("alice")).Return([]domain.Wallet{aWallet()}, nil),
	)
	ws, err := b.ListWallets(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, []domain.Wallet{aWallet()}, ws)
}

func TestListWallets_AddsNoneWhenThereAreSome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().All(gomock.Any(), gomock.Any()).Return([]domain.Wallet{aWallet()}, nil)
	_, err := b.ListWallets(t.Context(), "alice")
	require.NoError(t, err)

	b.wallets.EXPECT().All(gomock.Any(), gomock.Any()).Return(nil, nil)
	b.wallets.EXPECT().AddDefault(gomock.Any(), gomock.Any()).Return(domain.ErrOwnerClosed)
	_, err = b.ListWallets(t.Context(), "alice")
	require.ErrorIs(t, err, domain.ErrOwnerClosed)
}

// changing runs what a use case wants to do to w.
func (b *bundle) changing(w domain.Wallet, pending bool) {
	b.wallets.EXPECT().Change(gomock.Any(), w.Owner, w.ID, gomock.Any()).DoAndReturn(
		func(_ context.Context, _ domain.OwnerID, _ domain.WalletID, change func(*domain.Wallet, bool) error) (domain.Wallet, error) {
			return w, change(&w, pending)
		})
}
