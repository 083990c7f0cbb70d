package audit_test

import "testing"

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
		corruption{"not the way back", `UPDATE transfer SET from_account = $2, to_account = $3 WHERE id = $1`,
			func(b *books) []any { return []any{b.back, b.from, b.to} }},
	)
}

func TestACreditFromAProviderBelongsToATopUp(t *testing.T) {
	t.Parallel()
	topup := func(b *books) []any { return []any{b.topup} }
	finds(t, "topup-transfers",
		corruption{"no top-up", `DELETE FROM topup WHERE id = $1`, topup},
		corruption{"another amount", `UPDATE topup SET amount = amount - 1 WHERE id = $1`, topup},
		corruption{"not known as succeeded", `UPDATE topup SET status = 'processing', transfer_id = NULL WHERE id = $1`, topup},
		corruption{"another's wallet", `UPDATE topup SET account_id = $2 WHERE id = $1`, func(b *books) []any { return []any{b.topup, b.to} }},
	)
}
