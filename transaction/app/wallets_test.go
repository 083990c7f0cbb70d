package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

func aWallet() domain.Wallet {
	return domain.Wallet{ID: "w1", Owner: "alice", Name: "USD", Status: domain.Active, Balance: usd(700), Held: usd(200), CreatedAt: noon.Add(-time.Hour)}
}

func TestOpenWallet_AnswersWithTheStoredWallet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Add(gomock.Any(), domain.Wallet{
		ID: "id1", Owner: "alice", Name: "USD", Status: domain.Active, Balance: usd(0), Held: usd(0),
	}, 3).Return(nil)
	b.wallets.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.WalletID("id1")).Return(aWallet(), nil)
	w, err := b.OpenWallet(t.Context(), "alice", "USD", "USD")
	require.NoError(t, err)
	require.Equal(t, aWallet(), w)
}

func TestOpenWallet_Refused_AddsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.OpenWallet(t.Context(), "alice", "USD", " ")
	require.ErrorAs(t, err, new(domain.Invalid))
	b.wallets.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.ErrWalletLimit)
	_, err = b.OpenWallet(t.Context(), "alice", "USD", "one more")
	require.ErrorIs(t, err, domain.ErrWalletLimit)
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

func TestChangeWallet_RenamesAndFreezesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.changing(aWallet(), false)
	name, frozen := "Holiday", domain.Frozen
	_, err := b.ChangeWallet(t.Context(), "alice", "w1", app.WalletChange{Name: &name, Status: &frozen})
	require.NoError(t, err)

	b.changing(aWallet(), false)
	_, err = b.ChangeWallet(t.Context(), "alice", "w1", app.WalletChange{})
	require.NoError(t, err)

	b.changing(aWallet(), false)
	blank := ""
	_, err = b.ChangeWallet(t.Context(), "alice", "w1", app.WalletChange{Name: &blank, Status: &frozen})
	require.ErrorAs(t, err, new(domain.Invalid))
}

func TestCloseWallet_WaitsForPendingTopUps(t *testing.T) {
	t.Parallel()
	empty := aWallet()
	empty.Balance.Amount = 0
	for _, c := range []struct {
		wallet  domain.Wallet
		pending bool
		want    error
	}{{empty, false, nil}, {empty, true, domain.ErrPaymentsPending}, {aWallet(), false, domain.ErrWalletNotEmpty}} {
		b := setup(t)
		b.changing(c.wallet, c.pending)
		_, err := b.CloseWallet(t.Context(), "alice", "w1")
		require.ErrorIs(t, err, c.want)
	}
}

func TestBalance_NowOrAsItWas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(aWallet(), nil).Times(3)
	got, err := b.Balance(t.Context(), "alice", "w1", time.Time{})
	require.NoError(t, err)
	held := usd(200)
	require.Equal(t, app.WalletBalance{Balance: usd(700), Held: &held, At: noon}, got)

	then := noon.Add(-time.Minute)
	b.history.EXPECT().BalanceAt(gomock.Any(), domain.WalletID("w1"), then, true).Return(int64(300), nil)
	got, err = b.Balance(t.Context(), "alice", "w1", then)
	require.NoError(t, err)
	require.Equal(t, app.WalletBalance{Balance: usd(300), At: then}, got, "what was held then is not known")

	_, err = b.Balance(t.Context(), "alice", "w1", noon.Add(1))
	require.ErrorAs(t, err, new(domain.Invalid), "nobody knows tomorrow's balance")

	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Wallet{}, domain.ErrWalletNotFound)
	_, err = b.Balance(t.Context(), "mallory", "w1", time.Time{})
	require.ErrorIs(t, err, domain.ErrWalletNotFound)
}

var errBoom = errors.New("boom")
