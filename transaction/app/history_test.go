package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// entries counts down from seq, as history does.
func entries(seq, n int64) []domain.Entry {
	es := make([]domain.Entry, n)
	for i := range es {
		es[i] = domain.Entry{Wallet: "w1", Seq: seq - int64(i), Amount: usd(1), BalanceAfter: usd(seq - int64(i)), CreatedAt: noon}
	}
	return es
}

func TestReadHistory_TellsWhereToGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.WalletID("w1")).Return(aWallet(), nil)
	q := ports.EntryQuery{Owner: "alice", Wallet: "w1", Limit: 2}
	more := q
	more.Limit = 3
	b.history.EXPECT().Entries(gomock.Any(), more).Return(entries(9, 3), nil)
	page, next, err := b.ReadHistory(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, entries(9, 2), page)
	require.Equal(t, &ports.EntryPosition{At: noon, Wallet: "w1", Seq: 8}, next)
}

func TestReadHistory_OverAllWalletsEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.history.EXPECT().Entries(gomock.Any(), gomock.Any()).Return(entries(2, 2), nil)
	page, next, err := b.ReadHistory(t.Context(), ports.EntryQuery{Owner: "alice", Limit: 2})
	require.NoError(t, err)
	require.Len(t, page, 2)
	require.Nil(t, next)
}

func TestReadHistory_OfSomebodyElsesWallet_IsNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Wallet{}, domain.ErrWalletNotFound)
	_, _, err := b.ReadHistory(t.Context(), ports.EntryQuery{Owner: "mallory", Wallet: "w1", Limit: 2})
	require.ErrorIs(t, err, domain.ErrWalletNotFound)
}

func TestStatement_ClosesWithTheLastBalance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(aWallet(), nil)
	from := noon.Add(-time.Hour)
	b.history.EXPECT().BalanceAt(gomock.Any(), domain.WalletID("w1"), from, false).Return(int64(40), nil)
	s, err := b.OpenStatement(t.Context(), "alice", "w1", domain.Period{To: noon.Add(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, domain.Period{From: from, To: noon}, s.Period, "from the wallet's beginning, until now")
	require.Equal(t, usd(40), s.Opening)

	full := make([]domain.Entry, 500)
	for i := range full {
		full[i] = domain.Entry{Seq: int64(i + 1), CreatedAt: noon.Add(-time.Minute), BalanceAfter: usd(int64(i))}
	}
	b.history.EXPECT().Forward(gomock.Any(), domain.WalletID("w1"), s.Period, int64(0), 500).Return(full, nil)
	b.history.EXPECT().Forward(gomock.Any(), domain.WalletID("w1"), domain.Period{From: noon.Add(-time.Minute), To: noon}, int64(500), 500).
		Return([]domain.Entry{{Seq: 501, CreatedAt: noon, BalanceAfter: usd(7)}}, nil)
	var last int64
	closing, err := s.Each(t.Context(), func(e domain.Entry) error {
		require.Equal(t, last+1, e.Seq)
		last = e.Seq
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, usd(7), closing)
	require.EqualValues(t, 501, last)
}

func TestStatement_OfAQuietPeriod_ClosesAsItOpened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(aWallet(), nil)
	b.history.EXPECT().BalanceAt(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(int64(40), nil)
	b.history.EXPECT().Forward(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, nil)
	s, err := b.OpenStatement(t.Context(), "alice", "w1", domain.Period{})
	require.NoError(t, err)
	closing, err := s.Each(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, usd(40), closing)
}

func TestStatement_RefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(aWallet(), nil)
	_, err := b.OpenStatement(t.Context(), "alice", "w1", domain.Period{From: noon})
	require.ErrorAs(t, err, new(domain.Invalid), "a period cannot begin now and end now")

	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Wallet{}, domain.ErrWalletNotFound)
	_, err = b.OpenStatement(t.Context(), "mallory", "w1", domain.Period{})
	require.ErrorIs(t, err, domain.ErrWalletNotFound)
}

func TestStatement_StopsWhenReadingOrWritingFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(aWallet(), nil)
	b.history.EXPECT().BalanceAt(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(int64(0), nil)
	s, err := b.OpenStatement(t.Context(), "alice", "w1", domain.Period{})
	require.NoError(t, err)

	b.history.EXPECT().Forward(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, errBoom)
	_, err = s.Each(t.Context(), nil)
	require.ErrorIs(t, err, errBoom)

	b.history.EXPECT().Forward(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(entries(1, 1), nil)
	_, err = s.Each(t.Context(), func(domain.Entry) error { return errBoom })
	require.ErrorIs(t, err, errBoom)
}
