package audit

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/micropay/micropay/shared/events"
)

func init() { parts = append(parts, walkOutbox) }
func init() { parts = append(parts, walkKeys) }

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
		if e.Type == events.TransferPosted {
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
        WHEN 'transfer' THEN EXISTS (SELECT FROM transaction.transfer t WHERE t.id = i.resource_id AND t.kind IN ('transfer', 'reversal'))
        WHEN 'payment' THEN EXISTS (SELECT FROM transaction.payment p WHERE p.id = i.resource_id AND p.owner_id = i.owner_id)
        WHEN 'hold' THEN EXISTS (SELECT FROM transaction.hold h WHERE h.id = i.resource_id)
        ELSE false END AS found
    FROM (SELECT * FROM transaction.idempotency WHERE (owner_id, key) > ($1, $2) ORDER BY owner_id, key LIMIT $3) i
    ORDER BY i.owner_id, i.key`

// walkKeys looks for what each idempotency key stands for.
func walkKeys(ctx context.Context, w *walk) error {
	c := w.check("idempotency", "each idempotency key stands for a transfer, payment or hold that is there")
	key := func(k keyRow) []any { return []any{k.Owner, k.Key} }
	return pages(ctx, w, keysSQL, []any{noID, ""}, key, func(k keyRow) {
		c.holds(k.Found, func() string {
			return fmt.Sprintf("key %q of %s: there is no %s %s", k.Key, k.Owner, k.Operation, k.Resource)
		})
	})
}
