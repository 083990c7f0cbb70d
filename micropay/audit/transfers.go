package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// transferRow is a transfer beside what belongs to it.
type transferRow struct {
	ID           string         `db:"id"`
	Kind         string         `db:"kind"`
	Amount       int64          `db:"amount"`
	Currency     string         `db:"currency"`
	FromEntries  int64          `db:"from_entries"`
	ToEntries    int64          `db:"to_entries"`
	FromCurrency sql.NullString `db:"from_currency"`
	ToCurrency   sql.NullString `db:"to_currency"`
	Reverses     sql.NullString `db:"reverses"`
	Swapped      sql.NullBool   `db:"swapped"`
	Reversed     int64          `db:"reversed"`
	Payments     int64          `db:"payments"` // that name it
	Event        sql.NullString `db:"event"`
	Recent       bool           `db:"recent"`
}

const transfersSQL = `SELECT t.id, t.kind, t.amount, t.currency, f.n AS from_entries, g.n AS to_entries
        , a.currency AS from_currency, b.currency AS to_currency
        , t.reverses, o.kind = 'transfer' AND o.currency = t.currency
            AND o.to_account = t.from_account AND o.from_account = t.to_account AS swapped
        , (SELECT coalesce(sum(r.amount), 0) FROM transaction.transfer r WHERE r.reverses = t.id) AS reversed
        , (SELECT count(*) FROM transaction.payment p WHERE t.id IN (p.transfer_id, p.fee_transfer_id)) AS payments
        , t.created_at > now() - $3 * interval '1 second' AS recent
        , CASE WHEN e.id IS NULL THEN NULL WHEN e.type = 'micropay.transfer.posted.v1'
            AND e.payload->>'transfer_id' = t.id::text AND e.payload->>'kind' = t.kind
            AND e.payload->>'amount' = t.amount::text AND e.payload->>'currency' = t.currency
            AND e.payload->>'from_wallet_id' = t.from_account::text AND e.payload->>'to_wallet_id' = t.to_account::text
            THEN 'agrees' ELSE 'differs' END AS event
    FROM (SELECT * FROM transaction.transfer WHERE id > $1 ORDER BY id LIMIT $2) t
    CROSS JOIN LATERAL (SELECT count(*) AS n FROM transaction.entry e
        WHERE e.account_id = t.from_account AND e.created_at = t.created_at AND e.transfer_id = t.id AND e.amount = -t.amount) f
    CROSS JOIN LATERAL (SELECT count(*) AS n FROM transaction.entry e
        WHERE e.account_id = t.to_account AND e.created_at = t.created_at AND e.transfer_id = t.id AND e.amount = t.amount) g
    LEFT JOIN transaction.account a ON a.id = t.from_account
    LEFT JOIN transaction.account b ON b.id = t.to_account
    LEFT JOIN transaction.transfer o ON o.id = t.reverses
    LEFT JOIN transaction.outbox e ON e.id = t.id
    ORDER BY t.id`

func init() { parts = append(parts, walkTransfers) }

// walkTransfers looks at each transfer. Its entries are looked up by the key they must have;
// that there are no others follows from the rule entry-transfer.
func walkTransfers(ctx context.Context, w *walk) error {
	entries := w.check("transfer-entries", "each transfer has exactly two entries: -amount where it left, +amount where it arrived")
	currency := w.check("transfer-currency", "a transfer is in the currency of both its accounts")
	reversal := w.check("reversals", "a reversal goes the way back of a transfer, all of them together within its amount")
	payment := w.check("transfer-payment", "what moves through a provider, and each fee, belongs to exactly one payment, nothing else to any")
	event := w.check("event-each", "there is one event for each transfer, which tells what the transfer says")
	visit := func(t transferRow) {
		entries.holds(t.FromEntries == 1 && t.ToEntries == 1, func() string {
			return fmt.Sprintf("transfer %s of %d: %d entries where it left, %d where it arrived", t.ID, t.Amount, t.FromEntries, t.ToEntries)
		})
		currency.holds(t.FromCurrency.String == t.Currency && t.ToCurrency.String == t.Currency, func() string {
			return fmt.Sprintf("transfer %s: in %s, from an account in %q to one in %q", t.ID, t.Currency, t.FromCurrency.String, t.ToCurrency.String)
		})
		if t.Kind == "reversal" || t.Reverses.Valid {
			reversal.holds(t.Kind == "reversal" && t.Swapped.Bool, func() string {
				return fmt.Sprintf("transfer %s of kind %s is not the way back of %q", t.ID, t.Kind, t.Reverses.String)
			})
		}
		if t.Reversed > 0 {
			reversal.holds(t.Reversed <= t.Amount, func() string {
				return fmt.Sprintf("transfer %s of %d was sent back by %d", t.ID, t.Amount, t.Reversed)
			})
		}
		wanted := int64(0)
		if slices.Contains([]string{"topup", "refund", "withdrawal", "fee"}, t.Kind) {
			wanted = 1
		}
		payment.holds(t.Payments == wanted, func() string {
			return fmt.Sprintf("transfer %s of %d %s, a %s, belongs to %d payments", t.ID, t.Amount, t.Currency, t.Kind, t.Payments)
		})
		if t.Event.Valid || t.Recent {
			event.holds(t.Event.String == "agrees", func() string {
				return fmt.Sprintf("transfer %s: its event %s", t.ID, map[bool]string{true: "says something else", false: "is not there"}[t.Event.Valid])
			})
		}
	}
	return pages(ctx, w, transfersSQL, []any{noID}, func(t transferRow) []any { return []any{t.ID} }, visit, w.OutboxKeep.Seconds())
}
