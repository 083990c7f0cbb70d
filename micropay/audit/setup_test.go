package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/transaction"
	"github.com/micropay/micropay/transaction/migrations"
)

// books is a small, right ledger: two people with a USD wallet each, a top-up of 1000, three
// transfers, the first of them sent back in part.
type books struct {
	*pgtest.DB
	t                   *testing.T
	ann, bob            string // owners
	system, from, to    string // accounts
	topup               string
	credit, first, back string // transfers
}

func keepBooks(t *testing.T) *books {
	t.Helper()
	b := &books{
		t: t, DB: pgtest.New(t, pgtest.Schema{Name: transaction.Schema, FS: migrations.FS}),
		ann: uuid.NewString(), bob: uuid.NewString(), system: uuid.NewString(), from: uuid.NewString(), to: uuid.NewString(), topup: uuid.NewString(),
	}
	b.run(`INSERT INTO owner (id) VALUES ($1), ($2)`, b.ann, b.bob)
	b.run(`INSERT INTO account (id, kind, currency, name) VALUES ($1, 'system', 'USD', 'sandbox')`, b.system)
	b.run(`INSERT INTO account (id, kind, currency, name, owner_id) VALUES ($1, 'wallet', 'USD', 'a', $2), ($3, 'wallet', 'USD', 'b', $4)`,
		b.from, b.ann, b.to, b.bob)
	b.run(`INSERT INTO topup (id, account_id, owner_id, provider, amount, currency) VALUES ($1, $2, $3, 'sandbox', 1000, 'USD')`,
		b.topup, b.from, b.ann)
	b.run(`INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id) VALUES ($1, 'topup', 'topup', '', $2)`, b.ann, b.topup)
	b.credit = b.post("topup", b.system, b.from, 1000, "", b.topup, "")
	b.first = b.post("transfer", b.from, b.to, 300, "", "", "k1")
	b.post("transfer", b.from, b.to, 200, "", "", "k2")
	b.post("transfer", b.to, b.from, 50, "", "", "k3")
	b.back = b.post("reversal", b.to, b.from, 100, b.first, "", "k4")
	b.run(`UPDATE outbox SET published_at = now()`)
	return b
}

// run executes a statement as the superuser whom no trigger and no foreign key stops.
func (b *books) run(query string, args ...any) {
	b.t.Helper()
	tx := b.Admin.MustBegin()
	tx.MustExec(`SET LOCAL session_replication_role = replica`)
	tx.MustExec(`SET LOCAL search_path = transaction`)
	_, err := tx.Exec(query, args...)
	require.NoError(b.t, err)
	require.NoError(b.t, tx.Commit())
}

func (b *books) post(kind, from, to string, amount int, original, topup, key string) string {
	b.t.Helper()
	id, caller := uuid.Must(uuid.NewV7()).String(), ""
	if kind != "topup" {
		caller = b.ann
		if from == b.to {
			caller = b.bob
		}
	}
	accounts, src, dst := []string{from, to}, 1, 2
	if from > to {
		accounts, src, dst = []string{to, from}, 2, 1
	}
	var outcome string
	require.NoError(b.t, b.Admin.Get(&outcome, `SELECT outcome FROM transaction.post_group(
		$1::uuid[], ARRAY[$2]::uuid[], ARRAY[$3]::text[], ARRAY[$4]::int[], ARRAY[$5]::int[], ARRAY[$6]::bigint[], ARRAY['USD'],
		ARRAY['x'], ARRAY[$7]::text[], ARRAY[false], ARRAY[$8]::text[], ARRAY[$9]::text[], ARRAY[$10]::text[], ARRAY['']::bytea[])`,
		"{"+strings.Join(accounts, ",")+"}", id, kind, src, dst, amount, caller, original, topup, key))
	require.Equal(b.t, "posted", outcome)
	return id
}

// audit looks at the books in pages of two rows.
func (b *books) audit(options ...audit.Options) *audit.Report {
	b.t.Helper()
	o := audit.Options{}
	if len(options) > 0 {
		o = options[0]
	}
	o.PageSize = 2
	r, err := audit.Run(b.t.Context(), b.Admin, o)
	require.NoError(b.t, err)
	return r
}

// corruption is a statement that breaks a rule.
type corruption struct {
	name, query string
	args        func(*books) []any
}

func finds(t *testing.T, rule string, corruptions ...corruption) {
	t.Helper()
	t.Run("right books", func(t *testing.T) {
		t.Parallel()
		r := keepBooks(t).audit()
		require.Zero(t, r.Violations(), r.Checks)
		require.NotZero(t, lookup(t, r, rule).Examined)
	})
	for _, c := range corruptions {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := keepBooks(t)
			var args []any
			if c.args != nil {
				args = c.args(b)
			}
			b.run(c.query, args...)
			found := lookup(t, b.audit(), rule)
			require.NotZero(t, found.Violations, found)
			require.NotEmpty(t, found.Examples)
		})
	}
}

func lookup(t *testing.T, r *audit.Report, name string) *audit.Check {
	t.Helper()
	var names []string
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
		names = append(names, c.Name)
	}
	require.Fail(t, fmt.Sprintf("no check %q among %v", name, names))
	return nil
}
