package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/audit"
)

func TestNoEventTellsOfATransferThatIsNotThere(t *testing.T) {
	t.Parallel()
	finds(t, "event-true", corruption{
		name: "made up", query: `INSERT INTO outbox (id, type, subject, sequence, key, payload, occurred_at, published_at)
			VALUES (gen_random_uuid(), 'micropay.transfer.posted.v1', '', 1, '', '{}', now(), now())`,
	}, corruption{
		name: "transfer lost", query: `DELETE FROM transfer WHERE id = $1`, args: func(b *books) []any { return []any{b.first} },
	})
}

func TestNoEventWaitsLongerThanAMinute(t *testing.T) {
	t.Parallel()
	late := corruption{name: "late", query: `UPDATE outbox SET published_at = NULL, occurred_at = now() - interval '61 seconds'`}
	finds(t, "event-published", late)

	b := keepBooks(t)
	b.run(`UPDATE outbox SET published_at = NULL`)
	require.Zero(t, b.audit().Violations(), "it may wait for less")
	b.run(late.query)
	r := b.audit(audit.Options{Idle: true})
	require.Zero(t, r.Violations(), "nobody is there to publish it")
	require.NotEmpty(t, lookup(t, r, "event-published").Skipped)
}

func TestAKeyStandsForWhatIsThere(t *testing.T) {
	t.Parallel()
	finds(t, "idempotency",
		corruption{name: "lost transfer", query: `UPDATE idempotency SET resource_id = gen_random_uuid() WHERE key = 'k1'`},
		corruption{name: "lost top-up", query: `DELETE FROM payment`},
		corruption{name: "another's top-up", query: `UPDATE idempotency SET owner_id = gen_random_uuid() WHERE operation = 'payment'`},
		corruption{name: "lost hold", query: `UPDATE idempotency SET resource_id = gen_random_uuid() WHERE operation = 'hold'`},
		corruption{name: "the wrong kind", query: `UPDATE idempotency SET operation = 'payment' WHERE key = 'k1'`},
	)
}
