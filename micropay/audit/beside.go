package audit

import (
	"context"
	"database/sql"
	"fmt"
)

func init() { parts = append(parts, walkTopUps) }
func init() { parts = append(parts, walkOutbox) }
func init() { parts = append(parts, walkKeys) }

type topUpRow struct {
	ID        string `db:"id"`
	Status    string `db:"status"`
	Amount    int64  `db:"amount"`
	Transfers int64  `db:"transfers"` // that credit it
	Credited  bool   `db:"credited"`  // a transfer is named
}

const topUpsSQL = `SELECT u.id, u.status, u.amount, u.transfer_id IS NOT NULL AS credited,
        (SELECT count(*) FROM transaction.transfer t WHERE t.id = u.transfer_id AND t.kind = 'topup'
         AND t.amount = u.amount AND t.currency = u.currency AND t.to_account = u.account_id) AS transfers
    FROM (SELECT * FROM transaction.topup WHERE id > $1 ORDER BY id LIMIT $2) u ORDER BY u.id`

// walkTopUps looks for the credit of each top-up that says it succeeded, and of no other.
func walkTopUps(ctx context.Context, w *walk) error {
	c := w.check("topup-credited", "each succeeded top-up was credited by one transfer of its amount to its wallet, no other by any")
	return pages(ctx, w, topUpsSQL, []any{noID}, func(u topUpRow) []any { return []any{u.ID} }, func(u topUpRow) {
		ok := u.Status == "succeeded" && u.Transfers == 1 || u.Status != "succeeded" && !u.Credited
		c.holds(ok, func() string {
			return fmt.Sprintf("top-up %s of %d is %s, with %d fitting transfers", u.ID, u.Amount, u.Status, u.Transfers)
		})
	})
}

type eventRow struct {
	ID       string          `db:"id"`
	Type     string          `db:"type"`
	Waits    sql.NullFloat64 `db:"waits"`    // seconds unpublished
	Transfer bool            `db:"transfer"` // the transfer it tells of is there
}

const eventsSQL = `SELECT o.id, o.type, EXISTS (SELECT FROM transaction.transfer t WHERE t.id = o.id) AS transfer
        , CASE WHEN o.published_at IS NULL THEN extract(epoch FROM now() - o.occurred_at) END AS waits
    FROM (SELECT * FROM transaction.outbox WHERE id > $1 ORDER BY id LIMIT $2) o ORDER BY o.id`

// patience is how long an event may wait for its publication, in seconds.
const patience = 60

// walkOutbox looks at each event that is kept.
func walkOutbox(ctx context.Context, w *walk) error {
	phantom := w.check("event-true", "no event tells of a transfer that is not there")
	late := w.check("event-published", "no event waits for its publication longer than a minute")
	if w.Idle {
		late.Skipped = "no platform is running that could publish"
	}
	return pages(ctx, w, eventsSQL, []any{noID}, func(e eventRow) []any { return []any{e.ID} }, func(e eventRow) {
		if e.Type == "transfer.posted" {
			phantom.holds(e.Transfer, func() string { return "event " + e.ID + ": there is no such transfer" })
		}
		if !w.Idle {
			late.holds(e.Waits.Float64 <= patience, func() string { return fmt.Sprintf("event %s: waits for %.0f s", e.ID, e.Waits.Float64) })
		}
	})
}

type keyRow struct {
	Owner     string `db:"owner_id"`
	Key       string `db:"key"`
	Operation string `db:"operation"`
	Resource  string `db:"resource_id"`
	Found     bool   `db:"found"`
}

const keysSQL = `SELECT i.owner_id, i.key, i.operation, i.resource_id, CASE i.operation
        WHEN 'transfer' THEN EXISTS (SELECT FROM transaction.transfer t WHERE t.id = i.resource_id AND t.kind <> 'topup')
        WHEN 'topup' THEN EXISTS (SELECT FROM transaction.topup u WHERE u.id = i.resource_id AND u.owner_id = i.owner_id)
        ELSE false END AS found
    FROM (SELECT * FROM transaction.idempotency WHERE (owner_id, key) > ($1, $2) ORDER BY owner_id, key LIMIT $3) i
    ORDER BY i.owner_id, i.key`

// walkKeys looks for what each idempotency key stands for.
func walkKeys(ctx context.Context, w *walk) error {
	c := w.check("idempotency", "each idempotency key stands for a transfer or top-up that is there")
	key := func(k keyRow) []any { return []any{k.Owner, k.Key} }
	return pages(ctx, w, keysSQL, []any{noID, ""}, key, func(k keyRow) {
		c.holds(k.Found, func() string {
			return fmt.Sprintf("key %q of %s: there is no %s %s", k.Key, k.Owner, k.Operation, k.Resource)
		})
	})
}
