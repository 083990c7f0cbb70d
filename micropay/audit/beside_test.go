package audit_test

import (
	"testing"
)

func TestASucceededTopUpWasCredited(t *testing.T) {
	t.Parallel()
	finds(t, "topup-credited",
		corruption{"credit lost", `DELETE FROM transfer WHERE id = $1`, func(b *books) []any { return []any{b.credit} }},
		corruption{"another amount", `UPDATE topup SET amount = amount + 1 WHERE id = $1`, func(b *books) []any { return []any{b.topup} }},
		corruption{"by what is no credit", `UPDATE topup SET transfer_id = $2 WHERE id = $1`, func(b *books) []any { return []any{b.topup, b.first} }},
		corruption{"twice", `INSERT INTO topup (id, account_id, owner_id, provider, amount, currency, status, transfer_id)
			SELECT gen_random_uuid(), account_id, owner_id, provider, amount, currency, status, $2 FROM topup WHERE id = $1`,
			func(b *books) []any { return []any{b.topup, b.first} }},
	)
}

func TestNoEventTellsOfATransferThatIsNotThere(t *testing.T) {
	t.Parallel()
	finds(t, "event-true", corruption{
		name: "made up", query: `INSERT INTO outbox (id, type, payload, occurred_at, published_at) VALUES (gen_random_uuid(), 'transfer.posted', '{}', now(), now())`,
	}, corruption{
		name: "transfer lost", query: `DELETE FROM transfer WHERE id = $1`, args: func(b *books) []any { return []any{b.first} },
	})
}
