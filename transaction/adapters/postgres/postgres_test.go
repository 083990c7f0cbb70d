package postgres_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/money"
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
		History: postgres.NewHistory(db.App), Payments: postgres.NewPayments(db.App),
		Holds: postgres.NewHolds(db.App), Disputes: postgres.NewDisputes(db.App), Revocations: postgres.NewRevocations(db.App),
		Inbox: postgres.NewInbox(db.App),
	}
}

func TestLedger_Contract(t *testing.T)      { transactionports.RunLedger(t, open) }
func TestWallets_Contract(t *testing.T)     { transactionports.RunWallets(t, open) }
func TestPayments_Contract(t *testing.T)    { transactionports.RunPayments(t, open) }
func TestHolds_Contract(t *testing.T)       { transactionports.RunHolds(t, open) }
func TestDisputes_Contract(t *testing.T)    { transactionports.RunDisputes(t, open) }
func TestHistory_Contract(t *testing.T)     { transactionports.RunHistory(t, open) }
func TestRevocations_Contract(t *testing.T) { transactionports.RunRevocations(t, open) }
func TestInbox_Contract(t *testing.T)       { transactionports.RunInbox(t, open) }

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
		`UPDATE payment SET amount = 5`, `UPDATE payment SET transfer_id = NULL`, `UPDATE payment SET status = 'failed'`, `DELETE FROM payment`,
		`UPDATE payment SET refunded = 1`, `UPDATE payment_transition SET cause = 'x'`, `DELETE FROM payment_transition`,
		`INSERT INTO payment_transition (payment_id, seq, to_status, cause) SELECT payment_id, 99, to_status, cause FROM payment_transition`,
		`UPDATE account SET held = 1`, `INSERT INTO hold (id) VALUES (gen_random_uuid())`, `UPDATE hold SET status = 'voided'`,
		`UPDATE dispute SET recovered = 1`, `SELECT settle_payment('topup', NULL, NULL, NULL, 1, now())`,
		`INSERT INTO outbox (id, type, subject, sequence, key, payload, occurred_at) VALUES (gen_random_uuid(), 'x', '', 1, '', '{}', now())`,
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
		`UPDATE account SET held = balance + 1 WHERE kind = 'wallet'`, `UPDATE account SET held = -1`,
		`UPDATE payment SET status = 'created'`, `UPDATE payment SET status = 'refunded'`, `UPDATE payment SET refunded = amount + 1`,
		`UPDATE payment_transition SET cause = 'x'`, `DELETE FROM payment_transition`, `TRUNCATE payment_transition`,
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
	top, err := domain.NewTopUp("019c5a00-0000-7000-8000-000000000003", owner, id, "sandbox", money.Money{Amount: 700, Currency: "USD"})
	require.NoError(t, err)
	_, _, err = s.Payments.Add(t.Context(), top, domain.Key{Value: "k"}, time.Minute)
	require.NoError(t, err)
	accounts, err := s.Ledger.Accounts(t.Context(), "sandbox", "USD")
	require.NoError(t, err)
	posted, err := s.Ledger.Post(t.Context(), []domain.Posting{top.Settlement("019c5a00-0000-7000-8000-000000000004", "", accounts)})
	require.NoError(t, err)
	require.NoError(t, posted[0].Err)
	return owner, id
}

func TestPost_TellsTheWorldInTheSameCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	owner, id := seed(t, db)
	var events []struct {
		ID       string `db:"id"`
		Type     string `db:"type"`
		Subject  string `db:"subject"`
		Key      string `db:"key"`
		Sequence int64  `db:"sequence"`
		Payload  string `db:"payload"`
	}
	require.NoError(t, db.App.SelectContext(t.Context(), &events, `SELECT id, type, subject, key, sequence, payload FROM outbox ORDER BY type DESC`))
	require.Len(t, events, 2)
	require.Equal(t, "micropay.transfer.posted.v1", events[0].Type)
	require.Equal(t, "019c5a00-0000-7000-8000-000000000004", events[0].ID, "the transfer's id is the event's")
	require.Equal(t, events[0].ID, events[0].Subject)
	require.Equal(t, string(id), events[0].Key, "the customer's wallet keeps the order")
	var data map[string]any
	require.NoError(t, json.Unmarshal([]byte(events[0].Payload), &data))
	require.Equal(t, string(owner), data["to_user_id"])
	require.Equal(t, string(id), data["to_wallet_id"])
	require.InDelta(t, 700, data["to_balance"], 0, "as it was committed")
	require.InDelta(t, 1, data["to_sequence"], 0)
	require.Nil(t, data["from_user_id"])
	require.Nil(t, data["from_balance"], "what providers owe is nobody's to know")

	require.Equal(t, "micropay.payment.settled.v1", events[1].Type)
	require.Equal(t, "019c5a00-0000-7000-8000-000000000003", events[1].Subject)
	require.EqualValues(t, 2, events[1].Sequence, "created, succeeded")
	require.NoError(t, json.Unmarshal([]byte(events[1].Payload), &data))
	require.Equal(t, "succeeded", data["status"])
	require.Equal(t, "topup", data["kind"])
	require.Equal(t, "019c5a00-0000-7000-8000-000000000004", data["transfer_id"])
}

func TestForgetEvents_KeepsTheNewOnes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	inbox := postgres.NewInbox(db.App)
	for _, id := range []string{"019c5a00-0000-7000-8000-000000000001", "019c5a00-0000-7000-8000-000000000002"} {
		require.NoError(t, inbox.Once(t.Context(), id, "x", func(context.Context, ports.Effects) error { return nil }))
	}
	_, err := db.Owner.ExecContext(t.Context(), `UPDATE inbox SET handled_at = now() - interval '31 days' WHERE event_id = '019c5a00-0000-7000-8000-000000000001'`)
	require.NoError(t, err)
	require.NoError(t, inbox.Forget(t.Context(), 30*24*time.Hour))
	var left []string
	require.NoError(t, db.App.SelectContext(t.Context(), &left, `SELECT event_id FROM inbox`))
	require.Equal(t, []string{"019c5a00-0000-7000-8000-000000000002"}, left)
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
	top := domain.Payment{ID: "019c5a00-0000-7000-8000-000000000009", Kind: domain.PaymentTopUp, Owner: owner, Wallet: id}
	for name, call := range map[string]func(context.Context) error{
		"Post":           func(ctx context.Context) error { _, err := s.Ledger.Post(ctx, nil); return err },
		"Accounts":       func(ctx context.Context) error { _, err := s.Ledger.Accounts(ctx, "x", "USD"); return err },
		"Add":            func(ctx context.Context) error { return s.Wallets.Add(ctx, domain.Wallet{}, 1) },
		"AddDefault":     func(ctx context.Context) error { return s.Wallets.AddDefault(ctx, domain.Wallet{}) },
		"All":            func(ctx context.Context) error { _, err := s.Wallets.All(ctx, owner); return err },
		"Find":           func(ctx context.Context) error { _, err := s.Wallets.Find(ctx, owner, id); return err },
		"Receiving":      func(ctx context.Context) error { _, err := s.Wallets.Receiving(ctx, owner, "USD"); return err },
		"Change":         func(ctx context.Context) error { _, err := s.Wallets.Change(ctx, owner, id, nil); return err },
		"CloseOwner":     func(ctx context.Context) error { return s.Wallets.CloseOwner(ctx, owner) },
		"Transfers.Find": func(ctx context.Context) error { _, err := s.Transfers.Find(ctx, "x"); return err },
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
		"BalanceAt": func(ctx context.Context) error { _, err := s.History.BalanceAt(ctx, id, time.Now(), true); return err },
		"Payments.Add": func(ctx context.Context) error {
			_, _, err := s.Payments.Add(ctx, top, domain.Key{}, 0)
			return err
		},
		"Payments.Find":  func(ctx context.Context) error { _, err := s.Payments.Find(ctx, owner, top.Kind, "x"); return err },
		"Record":         func(ctx context.Context) error { _, err := s.Payments.Record(ctx, top.Status, top, 0); return err },
		"Reroute":        func(ctx context.Context) error { return s.Payments.Reroute(ctx, top) },
		"Abandon":        func(ctx context.Context) error { _, err := s.Payments.Abandon(ctx, top, domain.Key{}, ""); return err },
		"Payments.ByKey": func(ctx context.Context) error { _, _, err := s.Payments.ByKey(ctx, owner, domain.Key{}); return err },
		"Claim":          func(ctx context.Context) error { _, err := s.Payments.Claim(ctx, "x", 0, 1); return err },
		"Notice": func(ctx context.Context) error {
			_, err := s.Payments.Notice(ctx, "x", ports.Notification{EventID: "e"})
			return err
		},
		"Between": func(ctx context.Context) error {
			_, err := s.Payments.Between(ctx, "x", time.Now(), time.Now())
			return err
		},
		"ByID": func(ctx context.Context) error { _, err := s.Payments.ByID(ctx, "x", nil); return err },
		"Place": func(ctx context.Context) error {
			_, _, err := s.Holds.Place(ctx, domain.Hold{}, domain.Key{})
			return err
		},
		"Holds.Find": func(ctx context.Context) error { _, err := s.Holds.Find(ctx, "x"); return err },
		"Available":  func(ctx context.Context) error { _, err := s.Holds.Available(ctx, id); return err },
		"Void":       func(ctx context.Context) error { _, err := s.Holds.Void(ctx, "x"); return err },
		"Expire":     func(ctx context.Context) error { _, err := s.Holds.Expire(ctx, 1); return err },
		"Keep":       func(ctx context.Context) error { _, err := s.Disputes.Keep(ctx, domain.Dispute{}); return err },
		"Lose":       func(ctx context.Context) error { return s.Disputes.Lose(ctx, "x") },
		"Owed":       func(ctx context.Context) error { _, err := s.Disputes.Owed(ctx, 1); return err },
		"Load":       func(ctx context.Context) error { _, err := s.Revocations.Load(ctx, 0); return err },
		"Save":       func(ctx context.Context) error { return s.Revocations.Save(ctx, nil, "1") },
		"Forget": func(ctx context.Context) error {
			_, err := postgres.NewKeys(away).Forget(ctx, time.Hour)
			return err
		},
	} {
		require.ErrorIs(t, call(t.Context()), ports.ErrUnavailable, name)
	}
}

func TestPaymentTransitions_AreTheDomainsInTheDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	for _, from := range domain.PaymentStatuses() {
		for _, to := range domain.PaymentStatuses() {
			var legal bool
			require.NoError(t, db.App.GetContext(t.Context(), &legal, `SELECT payment_may_become($1, $2)`, from, to))
			require.Equal(t, from.CanBecome(to), legal, "%s to %s", from, to)
		}
	}
}

func TestPaymentTransitions_AreLoggedWithTheirCause(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	seed(t, db)
	var log []string
	require.NoError(t, db.App.SelectContext(t.Context(), &log,
		`SELECT coalesce(from_status, '-') || ' > ' || to_status || ': ' || cause FROM payment_transition ORDER BY payment_id, seq`))
	require.Equal(t, []string{"- > created: request", "created > succeeded: settled"}, log)
}

func TestBacklog_CountsOpenPaymentsAndTheOldest(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	owner, id := seed(t, db) // one that is settled
	payments := postgres.NewPayments(db.App)
	n, oldest, err := payments.Backlog(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, oldest)
	top, err := domain.NewTopUp("019c5a00-0000-7000-8000-000000000011", owner, id, "sandbox", money.Money{Amount: 1, Currency: "USD"})
	require.NoError(t, err)
	_, _, err = payments.Add(t.Context(), top, domain.Key{Value: "k2"}, time.Minute)
	require.NoError(t, err)
	_, err = db.Admin.ExecContext(t.Context(), `UPDATE transaction.payment SET created_at = now() - interval '90 seconds' WHERE id = $1`, top.ID)
	require.NoError(t, err)
	n, oldest, err = payments.Backlog(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.InDelta(t, 90*time.Second, oldest, float64(10*time.Second))
}

// A payer has a day to pay, during which nobody is late.
func TestBacklog_APayerWhoTakesTheirTime_IsOpenAndNotOld(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	owner, id := seed(t, db)
	payments := postgres.NewPayments(db.App)
	top, err := domain.NewTopUp("019c5a00-0000-7000-8000-000000000012", owner, id, "sandbox", money.Money{Amount: 1, Currency: "USD"})
	require.NoError(t, err)
	_, _, err = payments.Add(t.Context(), top, domain.Key{Value: "k3"}, time.Minute)
	require.NoError(t, err)
	_, err = db.Admin.ExecContext(t.Context(), `UPDATE transaction.payment SET status = 'requires_action', created_at = now() - interval '20 hours' WHERE id = $1`, top.ID)
	require.NoError(t, err)
	n, oldest, err := payments.Backlog(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Zero(t, oldest)
}
