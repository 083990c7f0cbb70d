package audit_test

import "testing"

func TestEntriesOfACurrencyAddUpToZero(t *testing.T) {
	t.Parallel()
	finds(t, "entries-zero", corruption{
		name: "money from nowhere", query: `UPDATE entry SET amount = amount + 1 WHERE account_id = $1 AND seq = 1`,
		args: func(b *books) []any { return []any{b.to} },
	}, corruption{
		name: "an entry lost", query: `DELETE FROM entry WHERE account_id = $1 AND seq = 2`,
		args: func(b *books) []any { return []any{b.to} },
	})
}

func TestBalancesOfACurrencyAddUpToZero(t *testing.T) {
	t.Parallel()
	finds(t, "balances-zero", corruption{
		name: "a balance made up", query: `UPDATE account SET balance = balance + 7 WHERE id = $1`,
		args: func(b *books) []any { return []any{b.to} },
	})
}

func TestAnAccountAgreesWithItsEntries(t *testing.T) {
	t.Parallel()
	wallet := func(b *books) []any { return []any{b.from} }
	finds(t, "account-balance",
		corruption{"balance", `UPDATE account SET balance = balance - 1 WHERE id = $1`, wallet},
		corruption{"number of entries", `UPDATE account SET last_seq = last_seq + 1 WHERE id = $1`, wallet},
		corruption{"last running balance", `UPDATE entry SET balance_after = balance_after + 1 WHERE account_id = $1 AND seq = (SELECT last_seq FROM account WHERE id = $1)`, wallet},
		corruption{"last entry lost", `DELETE FROM entry WHERE account_id = $1 AND seq = (SELECT last_seq FROM account WHERE id = $1)`, wallet},
		corruption{"all entries lost", `DELETE FROM entry WHERE account_id = $1`, wallet},
		corruption{"account lost", `DELETE FROM account WHERE id = $1`, wallet},
	)
}

func TestEntriesAreNumberedInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	wallet := func(b *books) []any { return []any{b.from} }
	finds(t, "entry-order",
		corruption{"a gap", `DELETE FROM entry WHERE account_id = $1 AND seq = 2`, wallet},
		corruption{"not from 1", `DELETE FROM entry WHERE account_id = $1 AND seq = 1`, wallet},
		corruption{"twice", `UPDATE entry SET seq = 2 WHERE account_id = $1 AND seq = 3`, wallet},
		corruption{"back in time", `UPDATE entry SET created_at = created_at - interval '1 hour' WHERE account_id = $1 AND seq = 3`, wallet},
	)
}

func TestEachRunningBalanceIsTheSumSoFar(t *testing.T) {
	t.Parallel()
	finds(t, "running-balance", corruption{
		name: "off by one", query: `UPDATE entry SET balance_after = balance_after + 1 WHERE account_id = $1 AND seq = 3`,
		args: func(b *books) []any { return []any{b.from} },
	}, corruption{
		name: "from the first", query: `UPDATE entry SET balance_after = 999 WHERE account_id = $1 AND seq = 1`,
		args: func(b *books) []any { return []any{b.from} },
	})
}

func TestNoWalletWasEverNegative(t *testing.T) {
	t.Parallel()
	finds(t, "never-negative", corruption{
		name: "for one moment", query: `UPDATE entry SET balance_after = -1 WHERE account_id = $1 AND seq = 2`,
		args: func(b *books) []any { return []any{b.from} },
	}, corruption{
		name: "by its entries, whatever is written", query: `UPDATE entry SET amount = -5000 WHERE account_id = $1 AND seq = 2`,
		args: func(b *books) []any { return []any{b.from} },
	})
}

func TestEachEntryIsOneSideOfATransfer(t *testing.T) {
	t.Parallel()
	wallet := func(b *books) []any { return []any{b.from} }
	finds(t, "entry-transfer",
		corruption{"no transfer", `UPDATE entry SET transfer_id = gen_random_uuid() WHERE account_id = $1 AND seq = 2`, wallet},
		corruption{
			"another's transfer", `UPDATE entry SET transfer_id = $2 WHERE account_id = $1 AND seq = 1`,
			func(b *books) []any { return []any{b.to, b.credit} },
		},
		corruption{"wrong sign", `UPDATE entry SET amount = -amount WHERE account_id = $1 AND seq = 2`, wallet},
		corruption{"wrong amount", `UPDATE entry SET amount = amount - 1 WHERE account_id = $1 AND seq = 2`, wallet},
		corruption{"another moment", `UPDATE entry SET created_at = created_at + interval '1 microsecond' WHERE account_id = $1 AND seq = (SELECT last_seq FROM account WHERE id = $1)`, wallet},
		corruption{"another currency", `UPDATE account SET currency = 'EUR' WHERE id = $1`, wallet},
	)
}
