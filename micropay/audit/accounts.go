package audit

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/big"
)

// entryRow is an entry beside the account and the transfer that it names.
type entryRow struct {
	Account      string         `db:"account_id"`
	At           string         `db:"at"` // as text: also what no clock says, and exact as a key
	Seq          int64          `db:"seq"`
	Transfer     string         `db:"transfer_id"`
	Amount       int64          `db:"amount"`
	BalanceAfter int64          `db:"balance_after"`
	Known        bool           `db:"known"`     // the transfer is there
	Side         sql.NullInt64  `db:"side"`      // what the transfer moves on this account
	SameTime     sql.NullBool   `db:"same_time"` //
	Currency     sql.NullString `db:"currency"`  // of the transfer
}

const entriesSQL = `SELECT e.account_id, e.created_at::text AS at, e.seq, e.transfer_id, e.amount, e.balance_after,
        t.id IS NOT NULL AS known, t.created_at = e.created_at AS same_time, t.currency,
        CASE e.account_id WHEN t.from_account THEN -t.amount WHEN t.to_account THEN t.amount END AS side
    FROM (SELECT * FROM transaction.entry WHERE (account_id, created_at, seq) > ($1, $2::timestamptz, $3) AND account_id <= $5
          ORDER BY account_id, created_at, seq LIMIT $4) e
    LEFT JOIN transaction.transfer t ON t.id = e.transfer_id
    ORDER BY e.account_id, e.created_at, e.seq`

type accountRow struct {
	ID          string         `db:"id"`
	Kind        string         `db:"kind"`
	Currency    string         `db:"currency"`
	Balance     int64          `db:"balance"`
	LastSeq     int64          `db:"last_seq"`
	LastEntryAt sql.NullString `db:"last_entry_at"`
}

const accountsSQL = `SELECT id, kind, currency, balance, last_seq, last_entry_at::text FROM transaction.account
    WHERE id > $1 ORDER BY id LIMIT $2`

// accounts walks the accounts in pages, and the entries of each page's accounts in the order of time.
type accounts struct {
	entriesZero    *Check
	balancesZero   *Check
	balance        *Check
	order          *Check
	running        *Check
	negative       *Check
	entry          *Check
	balances, sums map[string]*big.Int // by currency
	page           map[string]*account
}

// account is one account and what its entries so far make of it.
type account struct {
	accountRow
	lost bool // there are entries, but no account
	sum  int64
	last entryRow
}

func init() { parts = append(parts, walkAccounts) }

func walkAccounts(ctx context.Context, w *walk) error {
	a := &accounts{balances: map[string]*big.Int{}, sums: map[string]*big.Int{}}
	a.entriesZero = w.check("entries-zero", "the entries of each currency add up to zero")
	a.balancesZero = w.check("balances-zero", "the balances of each currency add up to zero")
	a.balance = w.check("account-balance", "an account's balance is the sum of its entries, and its last running balance")
	a.order = w.check("entry-order", "an account's entries are numbered 1, 2, 3... and never go back in time")
	a.running = w.check("running-balance", "each running balance is the sum of the account's entries so far")
	a.negative = w.check("never-negative", "no wallet was below zero after any entry")
	a.entry = w.check("entry-transfer", "each entry is one side of a transfer: its account, amount, moment and currency")
	low := noID
	for {
		full, high, err := a.load(ctx, w, low)
		if err != nil {
			return err
		}
		start := []any{low, "infinity", int64(math.MaxInt64)}
		key := func(e entryRow) []any { return []any{e.Account, e.At, e.Seq} }
		if err := pages(ctx, w, entriesSQL, start, key, a.visit, high); err != nil {
			return err
		}
		a.closePage()
		if !full {
			break
		}
		low = high
	}
	a.addUp(a.entriesZero, a.sums)
	a.addUp(a.balancesZero, a.balances)
	return nil
}

const lastID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// load reads the next page of accounts, and says up to which id entries belong to it.
func (a *accounts) load(ctx context.Context, w *walk, low string) (full bool, high string, err error) {
	var rows []accountRow
	if err := w.tx.SelectContext(ctx, &rows, accountsSQL, low, w.PageSize); err != nil {
		return false, "", err
	}
	w.advance(len(rows))
	a.page = make(map[string]*account, len(rows))
	for _, row := range rows {
		a.page[row.ID] = &account{accountRow: row}
		add(a.balances, row.Currency, row.Balance)
	}
	if len(rows) < w.PageSize {
		return false, lastID, nil
	}
	return true, rows[len(rows)-1].ID, nil
}

// visit looks at an entry; those of one account come in the order of time.
func (a *accounts) visit(e entryRow) {
	acc := a.page[e.Account]
	if acc == nil {
		acc = &account{accountRow: accountRow{ID: e.Account, Currency: e.Currency.String}, lost: true}
		a.page[e.Account] = acc
	}
	acc.sum += e.Amount // may wrap around on corrupt numbers; comparing stays exact
	at := func() string { return fmt.Sprintf("account %s, entry %d of %s", e.Account, e.Seq, e.At) }
	a.order.holds(e.Seq == acc.last.Seq+1, func() string {
		return fmt.Sprintf("%s: comes after entry %d of %s", at(), acc.last.Seq, acc.last.At)
	})
	a.running.holds(e.BalanceAfter == acc.sum, func() string {
		return fmt.Sprintf("%s: running balance %d, sum so far %d", at(), e.BalanceAfter, acc.sum)
	})
	if acc.Kind == "wallet" {
		a.negative.holds(e.BalanceAfter >= 0 && acc.sum >= 0, func() string {
			return fmt.Sprintf("%s: balance %d, sum so far %d", at(), e.BalanceAfter, acc.sum)
		})
	}
	sided := e.Side.Valid && e.Side.Int64 == e.Amount && e.SameTime.Bool && (acc.lost || e.Currency.String == acc.Currency)
	a.entry.holds(sided, func() string { return at() + ": " + e.fault(acc.Currency) })
	acc.last = e
}

// fault says in which way an entry is no side of its transfer.
func (e entryRow) fault(currency string) string {
	switch {
	case !e.Known:
		return "there is no transfer " + e.Transfer
	case !e.Side.Valid:
		return "transfer " + e.Transfer + " is between other accounts"
	case e.Side.Int64 != e.Amount:
		return fmt.Sprintf("amount %d, but transfer %s moves %d here", e.Amount, e.Transfer, e.Side.Int64)
	case !e.SameTime.Bool:
		return "transfer " + e.Transfer + " is of another moment"
	}
	return fmt.Sprintf("transfer %s is in %s, the account in %s", e.Transfer, e.Currency.String, currency)
}

// closePage draws the line under the accounts of a page.
func (a *accounts) closePage() {
	for _, acc := range a.page {
		add(a.sums, acc.Currency, acc.sum)
		ok := !acc.lost && acc.Balance == acc.sum && acc.LastSeq == acc.last.Seq && acc.Balance == acc.last.BalanceAfter && acc.LastEntryAt.String == acc.last.At
		a.balance.holds(ok, func() string {
			if acc.lost {
				return fmt.Sprintf("account %s is not there, but has entries that add up to %d", acc.ID, acc.sum)
			}
			return fmt.Sprintf("account %s: balance %d after %d entries until %q; its entries add up to %d, the last is %d of %q with balance %d",
				acc.ID, acc.Balance, acc.LastSeq, acc.LastEntryAt.String, acc.sum, acc.last.Seq, acc.last.At, acc.last.BalanceAfter)
		})
	}
}

// addUp expects nought in each currency.
func (a *accounts) addUp(c *Check, sums map[string]*big.Int) {
	for currency, sum := range sums {
		c.holds(sum.Sign() == 0, func() string { return fmt.Sprintf("%s: %s minor units too many", currency, sum) })
	}
}

func add(sums map[string]*big.Int, currency string, amount int64) {
	if sums[currency] == nil {
		sums[currency] = new(big.Int)
	}
	sums[currency].Add(sums[currency], big.NewInt(amount))
}
