package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/testing/contract/transactionports"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/transaction/adapters/postgres"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/migrations"
	"github.com/micropay/micropay/transaction/ports"
)

func schema() pgtest.Schema { return pgtest.Schema{Name: "transaction", FS: migrations.FS} }

// open gives the ports on a private database, as the role that the service runs as.
func open(t *testing.T) transactionports.Stores {
	t.Helper()
	return stores(pgtest.New(t, schema()))
}

func stores(db *pgtest.DB) transactionports.Stores {
	return transactionports.Stores{
		Ledger: postgres.NewLedger(db.App), Wallets: postgres.NewWallets(db.App), Transfers: postgres.NewTransfers(db.App),
		History: postgres.NewHistory(db.App), Payments: postgres.NewPayments(db.App), Revocations: postgres.NewRevocations(db.App),
	}
}

func TestLedger_Contract(t *testing.T)      { transactionports.RunLedger(t, open) }
func TestWallets_Contract(t *testing.T)     { transactionports.RunWallets(t, open) }
func TestTopUps_Contract(t *testing.T)      { transactionports.RunPayments(t, open) }
func TestHistory_Contract(t *testing.T)     { transactionports.RunHistory(t, open) }
func TestRevocations_Contract(t *testing.T) { transactionports.RunRevocations(t, open) }

func TestAppRole_CannotTouchMoneyPastTheLedger(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	seed(t, db)
	for _, statement := range []string{
		`UPDATE entry SET amount = 1`, `DELETE FROM entry`, `TRUNCATE entry`,
		`INSERT INTO entry SELECT account_id, created_at, 99, transfer_id, 5, 5 FROM entry LIMIT 1`,
		`UPDATE transfer SET amount = 1`, `DELETE FROM transfer`,
		`UPDATE account SET balance = 1000000`, `UPDATE account SET balance = -1`, `UPDATE account SET last_seq = 0`,
		`INSERT INTO account (id, kind, owner_id, currency, name, balance) SELECT gen_random_uuid(), 'wallet', id, 'USD', 'x', 5 FROM owner`,
		`UPDATE topup SET amount = 5`, `UPDATE topup SET transfer_id = NULL`, `UPDATE topup SET status = 'failed'`, `DELETE FROM topup`,
		`INSERT INTO outbox (id, type, payload, occurred_at) VALUES (gen_random_uuid(), 'x', '{}', now())`,
		`UPDATE idempotency SET key = 'x'`, `DELETE FROM idempotency`,
		`INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id) SELECT owner_id, key, operation, request_hash, resource_id FROM idempotency`,
		`DROP TABLE entry`, `ALTER TABLE entry DISABLE TRIGGER ALL`, `CREATE TABLE mine ()`,
	} {
		_, err := db.App.ExecContext(t.Context(), statement)
		require.Error(t, err, statement)
	}
}

func TestOwnerRole_CannotRewriteHistory(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	seed(t, db)
	for _, statement := range []string{
		`UPDATE entry SET amount = amount + 1`, `DELETE FROM entry`, `TRUNCATE entry`,
		`UPDATE transfer SET amount = amount + 1`, `DELETE FROM transfer`, `TRUNCATE transfer CASCADE`,
		`UPDATE account SET balance = -1 WHERE kind = 'wallet'`,
		`UPDATE account SET status = 'closed' WHERE balance <> 0`,
		`UPDATE account SET balance = 9007199254740992`,
	} {
		_, err := db.Owner.ExecContext(t.Context(), statement)
		require.Error(t, err, statement)
	}
}

// seed gives one person a wallet with money and returns both.
func seed(t *testing.T, db *pgtest.DB) (domain.OwnerID, domain.WalletID) {
	t.Helper()
	s, owner, id := stores(db), domain.OwnerID("019c5a00-0000-7000-8000-000000000001"), domain.WalletID("019c5a00-0000-7000-8000-000000000002")
	w, err := domain.NewWallet(id, owner, "USD", "x")
	require.NoError(t, err)
	require.NoError(t, s.Wallets.Add(t.Context(), w, 10))
	top := domain.Payment{ID: "019c5a00-0000-7000-8000-000000000003", Owner: owner, Wallet: id, Provider: "sandbox", Amount: w.Balance}
	top.Amount.Amount = 700
	_, _, err = s.Payments.Add(t.Context(), top, domain.Key{Value: "k"})
	require.NoError(t, err)
	account, err := s.Ledger.ProviderAccount(t.Context(), "sandbox", "USD")
	require.NoError(t, err)
	posted, err := s.Ledger.Post(t.Context(), []domain.Posting{top.Settlement("019c5a00-0000-7000-8000-000000000004", "", domain.Accounts{Provider: account})})
	require.NoError(t, err)
	require.NoError(t, posted[0].Err)
	return owner, id
}

func TestPost_TellsTheWorldInTheSameCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	owner, id := seed(t, db)
	var events []struct {
		ID      string `db:"id"`
		Type    string `db:"type"`
		Payload string `db:"payload"`
	}
	require.NoError(t, db.App.SelectContext(t.Context(), &events, `SELECT id, type, payload FROM outbox`))
	require.Len(t, events, 1)
	require.Equal(t, "transfer.posted", events[0].Type)
	require.Equal(t, "019c5a00-0000-7000-8000-000000000004", events[0].ID, "the transfer's id is the event's")
	require.Contains(t, events[0].Payload, string(owner))
	require.Contains(t, events[0].Payload, string(id))
}

func TestForgetKeys_KeepsTheLastDay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	seed(t, db)
	keys := postgres.NewKeys(db.App)
	age := func(hours int) {
		_, err := db.Owner.ExecContext(t.Context(), `UPDATE idempotency SET created_at = now() - $1 * interval '1 hour'`, hours)
		require.NoError(t, err)
	}
	for _, c := range []struct{ hours, keep, want int }{{23, 1, 0}, {25, 48, 0}, {25, 24, 1}} {
		age(c.hours)
		n, err := keys.Forget(t.Context(), time.Duration(c.keep)*time.Hour)
		require.NoError(t, err)
		require.EqualValues(t, c.want, n, c)
	}
}

func TestStores_SayWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	owner, id := seed(t, db)
	away, err := database.Open(t.Context(), database.Config{DSN: "postgres://nobody@127.0.0.1:1/x?sslmode=disable"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = away.Close() })
	s := stores(&pgtest.DB{App: away})
	top := domain.Payment{ID: "019c5a00-0000-7000-8000-000000000009", Owner: owner, Wallet: id}
	for name, call := range map[string]func(context.Context) error{
		"Post":            func(ctx context.Context) error { _, err := s.Ledger.Post(ctx, nil); return err },
		"ProviderAccount": func(ctx context.Context) error { _, err := s.Ledger.ProviderAccount(ctx, "x", "USD"); return err },
		"Add":             func(ctx context.Context) error { return s.Wallets.Add(ctx, domain.Wallet{}, 1) },
		"AddDefault":      func(ctx context.Context) error { return s.Wallets.AddDefault(ctx, domain.Wallet{}) },
		"All":             func(ctx context.Context) error { _, err := s.Wallets.All(ctx, owner); return err },
		"Find":            func(ctx context.Context) error { _, err := s.Wallets.Find(ctx, owner, id); return err },
		"Receiving":       func(ctx context.Context) error { _, err := s.Wallets.Receiving(ctx, owner, "USD"); return err },
		"Change":          func(ctx context.Context) error { _, err := s.Wallets.Change(ctx, owner, id, nil); return err },
		"CloseOwner":      func(ctx context.Context) error { return s.Wallets.CloseOwner(ctx, owner) },
		"Transfers.Find":  func(ctx context.Context) error { _, err := s.Transfers.Find(ctx, "x"); return err },
		"BalanceAfter": func(ctx context.Context) error {
			_, err := s.Transfers.BalanceAfter(ctx, domain.Transfer{}, id)
			return err
		},
		"ByKey":   func(ctx context.Context) error { _, err := s.Transfers.ByKey(ctx, owner, domain.Key{}); return err },
		"Entries": func(ctx context.Context) error { _, err := s.History.Entries(ctx, ports.EntryQuery{}); return err },
		"Forward": func(ctx context.Context) error {
			_, err := s.History.Forward(ctx, id, domain.Period{}, 0, 1)
			return err
		},
		"BalanceAt":   func(ctx context.Context) error { _, err := s.History.BalanceAt(ctx, id, time.Now(), true); return err },
		"TopUps.Add":  func(ctx context.Context) error { _, _, err := s.Payments.Add(ctx, top, domain.Key{}); return err },
		"TopUps.Find": func(ctx context.Context) error { _, err := s.Payments.Find(ctx, owner, "x"); return err },
		"Record":      func(ctx context.Context) error { return s.Payments.Record(ctx, top) },
		"Claim":       func(ctx context.Context) error { _, err := s.Payments.Claim(ctx, time.Now(), 1); return err },
		"Load":        func(ctx context.Context) error { _, _, err := s.Revocations.Load(ctx); return err },
		"Save":        func(ctx context.Context) error { return s.Revocations.Save(ctx, nil, "1") },
		"Forget": func(ctx context.Context) error {
			_, err := postgres.NewKeys(away).Forget(ctx, time.Hour)
			return err
		},
	} {
		require.ErrorIs(t, call(t.Context()), ports.ErrUnavailable, name)
	}
}
