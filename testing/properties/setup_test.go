// Package properties proves that any sequence of operations keeps the rules of the ledger: the
// use cases on a real PostgreSQL beside a model of a few lines that knows only the rules.
//
// A failure prints what to run to see it again. MICROPAY_TORTURE=20 makes everything twenty
// times as long (make torture).
package properties_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/torture"
	"github.com/micropay/micropay/transaction"
	"github.com/micropay/micropay/transaction/adapters/postgres"
	"github.com/micropay/micropay/transaction/adapters/sandbox"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/migrations"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("rapid.checks").Value.String() == flag.Lookup("rapid.checks").DefValue {
		_ = flag.Set("rapid.checks", strconv.Itoa(30*torture.Times()))
	}
	os.Exit(m.Run())
}

// core is the use cases on a database of their own.
func core(t *testing.T) (*app.App, *pgtest.DB) {
	t.Helper()
	db := pgtest.New(t, pgtest.Schema{Name: transaction.Schema, FS: migrations.FS})
	ledger := postgres.NewLedger(db.App)
	return &app.App{
		Postings: app.NewGroupCommitter(ledger, 64, 10*time.Second), Ledger: ledger,
		Wallets: postgres.NewWallets(db.App), Transfers: postgres.NewTransfers(db.App), History: postgres.NewHistory(db.App),
		Payments: postgres.NewPayments(db.App), Holds: postgres.NewHolds(db.App), Disputes: postgres.NewDisputes(db.App),
		Providers: map[string]app.Provider{sandbox.Name: {PaymentProvider: sandbox.Provider{}, Gate: sandbox.Provider{}}},
		NewID:     func() string { return uuid.Must(uuid.NewV7()).String() }, Now: time.Now,
		DefaultCurrency: "USD", WalletLimit: 1000,
		Patience: app.Patience{
			PaymentPatience: time.Minute, LookAfter: time.Millisecond, LookWithin: 5 * time.Millisecond, PaymentTTL: time.Hour,
			Lease: 50 * time.Millisecond, HoldTTL: time.Hour,
		},
	}, db
}

// requireClean walks the whole ledger.
func requireClean(t *testing.T, admin *sqlx.DB) {
	t.Helper()
	report, err := audit.Run(t.Context(), admin, audit.Options{Idle: true})
	require.NoError(t, err)
	for _, c := range report.Checks {
		require.Zero(t, c.Violations, "%s: %s %v", c.Name, c.Rule, c.Examples)
	}
}

func key(value string, request ...any) domain.Key {
	return domain.Key{Value: value, Request: sha256.Sum256(fmt.Append(nil, request...))}
}
