package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/audit"
)

func TestEachTransferHasTwoEntries(t *testing.T) {
	t.Parallel()
	finds(t, "transfer-entries",
		corruption{"one lost", `DELETE FROM entry WHERE transfer_id = $1 AND amount < 0`, func(b *books) []any { return []any{b.first} }},
		corruption{"both lost", `DELETE FROM entry WHERE transfer_id = $1`, func(b *books) []any { return []any{b.first} }},
		corruption{"another amount", `UPDATE transfer SET amount = amount + 1 WHERE id = $1`, func(b *books) []any { return []any{b.first} }},
		corruption{"one twice", `INSERT INTO entry SELECT account_id, created_at, seq + 100, transfer_id, amount, balance_after
			FROM entry WHERE transfer_id = $1 AND amount > 0`, func(b *books) []any { return []any{b.first} }},
	)
}

func TestATransferIsInTheCurrencyOfItsAccounts(t *testing.T) {
	t.Parallel()
	finds(t, "transfer-currency",
		corruption{"transfer", `UPDATE transfer SET currency = 'EUR' WHERE id = $1`, func(b *books) []any { return []any{b.first} }},
		corruption{"receiver", `UPDATE account SET currency = 'EUR' WHERE id = $1`, func(b *books) []any { return []any{b.to} }},
		corruption{"no sender", `DELETE FROM account WHERE id = $1`, func(b *books) []any { return []any{b.system} }},
	)
}

func TestReversalsStayWithinTheirTransfer(t *testing.T) {
	t.Parallel()
	back := func(b *books) []any { return []any{b.back} }
	finds(t, "reversals",
		corruption{"more than was sent", `UPDATE transfer SET amount = 301 WHERE id = $1`, back},
		corruption{"of nothing that is known", `UPDATE transfer SET reverses = gen_random_uuid() WHERE id = $1`, back},
		corruption{"of a top-up", `UPDATE transfer SET reverses = $2 WHERE id = $1`, func(b *books) []any { return []any{b.back, b.credit} }},
		corruption{
			"not the way back", `UPDATE transfer SET from_account = $2, to_account = $3 WHERE id = $1`,
			func(b *books) []any { return []any{b.back, b.from, b.to} },
		},
	)
}

func TestThereIsOneRightEventForEachTransfer(t *testing.T) {
	t.Parallel()
	first := func(b *books) []any { return []any{b.first} }
	finds(t, "event-each",
		corruption{"lost", `DELETE FROM outbox WHERE id = $1`, first},
		corruption{"another amount", `UPDATE outbox SET payload = payload || '{"amount": 1}' WHERE id = $1`, first},
		corruption{"another receiver", `UPDATE outbox SET payload = payload || '{"to_wallet_id": "x"}' WHERE id = $1`, first},
		corruption{"another type", `UPDATE outbox SET type = 'x' WHERE id = $1`, first},
	)
}

func TestEventsOfOldTransfersMayBeGone(t *testing.T) {
	t.Parallel()
	b := keepBooks(t)
	b.run(`UPDATE transfer SET created_at = created_at - interval '31 days'`)
	b.run(`UPDATE entry SET created_at = created_at - interval '31 days'`)
	b.run(`UPDATE account SET last_entry_at = last_entry_at - interval '31 days'`)
	b.run(`DELETE FROM outbox`)
	r := b.audit()
	require.Zero(t, r.Violations(), r.Checks)
	require.NotZero(t, b.audit(audit.Options{OutboxKeep: 32 * 24 * time.Hour}).Violations())
}
