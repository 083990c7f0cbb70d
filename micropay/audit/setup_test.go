package audit_test

import (
	"fmt"
	"slices"
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
// transfers, the first of them sent back in part; a second top-up that cost a fee, was given back
// in part, disputed, lost and recovered in part; a withdrawal; a hold that is pending and one that
// was captured.
type books struct {
	*pgtest.DB
	t                   *testing.T
	ann, bob            string // owners
	system, from, to    string // accounts
	fees, owed          string // accounts, too
	topup, second       string // payments
	refund, withdrawal  string // payments, too
	dispute             string
	pending, captured   string // holds
	credit, first, back string // transfers
}

func keepBooks(t *testing.T) *books {
	t.Helper()
	b := &books{
		t: t, DB: pgtest.New(t, pgtest.Schema{Name: transaction.Schema, FS: migrations.FS}),
		ann: uuid.NewString(), bob: uuid.NewString(), system: uuid.NewString(), from: uuid.NewString(), to: uuid.NewString(), topup: uuid.NewString(),
		fees: uuid.NewString(), owed: uuid.NewString(), second: uuid.NewString(), refund: uuid.NewString(), withdrawal: uuid.NewString(),
		dispute: uuid.NewString(), pending: uuid.NewString(), captured: uuid.NewString(),
	}
	b.run(`INSERT INTO owner (id) VALUES ($1), ($2)`, b.ann, b.bob)
	b.run(`INSERT INTO account (id, kind, currency, name) VALUES ($1, 'system', 'USD', 'sandbox'), ($2, 'system', 'USD', 'fees'),
		($3, 'system', 'USD', 'receivable')`, b.system, b.fees, b.owed)
	b.run(`INSERT INTO account (id, kind, currency, name, owner_id) VALUES ($1, 'wallet', 'USD', 'a', $2), ($3, 'wallet', 'USD', 'b', $4)`,
		b.from, b.ann, b.to, b.bob)
	b.pay(b.topup, "topup", 1000, 0, "", "")
	b.run(`INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id) VALUES ($1, 'topup', 'payment', '', $2)`, b.ann, b.topup)
	b.credit = b.post("topup", b.system, b.from, 1000, "", b.topup, "")
	b.first = b.post("transfer", b.from, b.to, 300, "", "", "k1")
	b.post("transfer", b.from, b.to, 200, "", "", "k2")
	b.post("transfer", b.to, b.from, 50, "", "", "k3")
	b.back = b.post("reversal", b.to, b.from, 100, b.first, "", "k4")
	b.pay(b.second, "topup", 400, 10, "", "")
	b.postWithFee("topup", b.system, b.from, 400, b.second, 10)
	b.pay(b.refund, "refund", 100, 0, b.second, b.hold(b.system, 100))
	b.post("refund", b.from, b.system, 100, "", b.refund, "", b.heldFor(b.refund))
	b.pay(b.withdrawal, "withdrawal", 60, 0, "", b.hold(b.system, 60))
	b.post("withdrawal", b.from, b.system, 60, "", b.withdrawal, "", b.heldFor(b.withdrawal))
	b.pending, b.captured = b.hold(b.to, 20), b.hold(b.to, 30)
	b.run(`INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id) VALUES ($1, 'hold', 'hold', '', $2)`, b.ann, b.pending)
	b.postAs(b.captured, "transfer", b.from, b.to, 25, "", "", "", b.captured, "")
	b.run(`INSERT INTO dispute (id, payment_id, account_id, provider, provider_ref, amount, currency)
		VALUES ($1, $2, $3, 'sandbox', 'd', 200, 'USD')`, b.dispute, b.second, b.from)
	b.postAs(uuid.NewString(), "dispute", b.owed, b.system, 200, "", "", "", "", b.dispute)
	b.run(`UPDATE dispute SET status = 'lost' WHERE id = $1`, b.dispute)
	b.postAs(uuid.NewString(), "recovery", b.from, b.owed, 70, "", "", "", "", b.dispute)
	b.run(`UPDATE outbox SET published_at = now()`)
	return b
}

// pay stores the intent of a payment of ann's.
func (b *books) pay(id, kind string, amount, fee int, parent, hold string) {
	b.t.Helper()
	b.trigger(`INSERT INTO payment (id, kind, account_id, owner_id, provider, amount, currency, fee, parent_id, hold_id)
		VALUES ($1, $2, $3, $4, 'sandbox', $5, 'USD', $6, nullif($7, '')::uuid, nullif($8, '')::uuid)`,
		id, kind, b.from, b.ann, amount, fee, parent, hold)
}

func (b *books) heldFor(payment string) (hold string) {
	b.t.Helper()
	require.NoError(b.t, b.Admin.Get(&hold, `SELECT hold_id FROM transaction.payment WHERE id = $1`, payment))
	return hold
}

// hold keeps money of ann's wallet.
func (b *books) hold(to string, amount int) string {
	b.t.Helper()
	id, refusal := uuid.NewString(), ""
	require.NoError(b.t, b.Admin.Get(&refusal, `SELECT coalesce(transaction.place_hold($1, $2, $3, $4, $5, 'USD', 'x', now() + interval '1 hour', $6), '')`,
		id, b.ann, b.from, to, amount, to == b.system))
	require.Empty(b.t, refusal)
	return id
}

// trigger executes a statement as the superuser, triggers and all.
func (b *books) trigger(query string, args ...any) {
	b.t.Helper()
	tx := b.Admin.MustBegin()
	tx.MustExec(`SET LOCAL search_path = transaction`)
	_, err := tx.Exec(query, args...)
	require.NoError(b.t, err)
	require.NoError(b.t, tx.Commit())
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

func (b *books) post(kind, from, to string, amount int, original, payment, key string, hold ...string) string {
	b.t.Helper()
	return b.postAs(uuid.Must(uuid.NewV7()).String(), kind, from, to, amount, original, payment, key, strings.Join(hold, ""), "")
}

func (b *books) postAs(id, kind, from, to string, amount int, original, payment, key, hold, dispute string) string {
	b.t.Helper()
	caller := ""
	if kind == "transfer" || kind == "reversal" {
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
		ARRAY['x'], ARRAY[$7]::text[], ARRAY[false], ARRAY[$8]::text[], ARRAY[$9]::text[], ARRAY[$10]::text[], ARRAY[$11]::text[],
		ARRAY[$12]::text[], ARRAY['']::bytea[])`,
		"{"+strings.Join(accounts, ",")+"}", id, kind, src, dst, amount, caller, original, payment, dispute, hold, key))
	require.Equal(b.t, "posted", outcome)
	return id
}

// postWithFee posts a top-up and its fee in one group.
func (b *books) postWithFee(kind, from, to string, amount int, payment string, fee int) {
	b.t.Helper()
	accounts := []string{from, to, b.fees}
	slices.Sort(accounts)
	place := func(id string) int { return slices.Index(accounts, id) + 1 }
	var outcomes []string
	require.NoError(b.t, b.Admin.Select(&outcomes, `SELECT outcome FROM transaction.post_group(
		$1::uuid[], ARRAY[$2, $3]::uuid[], ARRAY[$4, 'fee']::text[], ARRAY[$5, $6]::int[], ARRAY[$6, $7]::int[], ARRAY[$8, $9]::bigint[],
		ARRAY['USD', 'USD'], ARRAY['x', 'x'], ARRAY['', ''], ARRAY[false, false], ARRAY['', ''], ARRAY[$10, $10]::text[], ARRAY['', ''], ARRAY['', ''],
		ARRAY['', ''], ARRAY['', '']::bytea[])`,
		"{"+strings.Join(accounts, ",")+"}", uuid.NewString(), uuid.NewString(), kind, place(from), place(to), place(b.fees), amount, fee, payment))
	require.Equal(b.t, []string{"posted", "posted"}, outcomes)
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

// loosenSQL drops the checks by which the database itself would refuse a corruption.
const loosenSQL = `DO $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT conrelid::regclass AS of, conname FROM pg_constraint
		WHERE contype = 'c' AND conrelid::regclass::text IN ('payment', 'hold', 'dispute') LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname);
	END LOOP;
END $$`

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
			b.run(loosenSQL)
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
