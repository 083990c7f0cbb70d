package properties_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/torture"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

const (
	customers = 10
	each      = 100_00
)

// TestManyWritersAtOnce_ConserveMoneyInEverySnapshot is Jepsen's bank test: whatever moment is
// looked at, all that was brought in is there, and no wallet is below zero.
func TestManyWritersAtOnce_ConserveMoneyInEverySnapshot(t *testing.T) {
	t.Parallel()
	a, db := core(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	owner := person()
	wallets := make([]domain.WalletID, customers)
	for i := range wallets {
		w, err := a.OpenWallet(t.Context(), owner, "USD", "purse")
		require.NoError(t, err)
		wallets[i] = w.ID
		_, err = a.TopUp(t.Context(), app.TopUpCommand{
			Owner: owner, Wallet: w.ID, Amount: money.Money{Amount: each, Currency: "USD"}, Providers: []string{"sandbox"}, Key: key(uuid.NewString()),
		})
		require.NoError(t, err)
	}
	var moved, refused, looks atomic.Int64
	var writers, readers sync.WaitGroup
	for n := range 16 {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		writers.Go(func() {
			for range 60 * torture.Times() {
				err := pay(t.Context(), a, owner, wallets, random)
				switch {
				case err == nil:
					moved.Add(1)
				case errors.Is(err, domain.ErrInsufficientFunds):
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				look(t, db)
				looks.Add(1)
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	t.Logf("%d moved, %d refused, %d snapshots", moved.Load(), refused.Load(), looks.Load())
	require.Positive(t, looks.Load())
	require.Greater(t, refused.Load()*20, moved.Load()+refused.Load(), "one in twenty at least is refused, or nothing was at stake")
	requireClean(t, db.Admin)
}

func pay(ctx context.Context, a *app.App, owner domain.OwnerID, wallets []domain.WalletID, random *rand.Rand) error {
	from := random.IntN(customers)
	to := (from + 1 + random.IntN(customers-1)) % customers
	_, err := a.Transfer(ctx, app.TransferCommand{
		Caller: domain.Caller{ID: owner}, From: wallets[from], To: wallets[to],
		Amount: money.Money{Amount: 1 + random.Int64N(each), Currency: "USD"}, Key: key(uuid.NewString()),
	})
	return err
}

// look takes a snapshot: stored balances, and entries summed up.
func look(t *testing.T, db *pgtest.DB) {
	tx, err := db.App.BeginTxx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = tx.Rollback() }()
	var s struct{ Customers, All, Entries, Lowest, Differing int64 }
	err = tx.GetContext(t.Context(), &s, `SELECT
		(SELECT sum(balance) FROM account WHERE kind = 'wallet') AS customers,
		(SELECT sum(balance) FROM account) AS all,
		(SELECT sum(amount) FROM entry) AS entries,
		(SELECT min(balance_after) FROM entry JOIN account a ON a.id = account_id WHERE kind = 'wallet') AS lowest,
		(SELECT count(*) FROM account a WHERE balance <> (SELECT coalesce(sum(amount), 0) FROM entry WHERE account_id = a.id)) AS differing`)
	if err != nil {
		t.Error(err)
		return
	}
	if s.Customers != customers*each || s.All != 0 || s.Entries != 0 || s.Lowest < 0 || s.Differing != 0 {
		t.Errorf("a snapshot does not add up: %+v", s)
	}
}
