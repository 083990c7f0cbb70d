package audit

import (
	"context"
	"fmt"
)

func init() { parts = append(parts, walkPayments, walkHolds, walkHeld, walkReceivable) }

type paymentRow struct {
	ID        string `db:"id"`
	Kind      string `db:"kind"`
	Status    string `db:"status"`
	Amount    int64  `db:"amount"`
	Fee       int64  `db:"fee"`
	Settled   bool   `db:"settled"`   // the status says that the money moved
	Named     bool   `db:"named"`     // a transfer is named
	Transfers int64  `db:"transfers"` // that are the named one and fit
	FeeNamed  bool   `db:"fee_named"`
	Fees      int64  `db:"fees"`     // transfers that are the named fee and fit
	Refunded  int64  `db:"refunded"` // as the payment says
	Refunds   int64  `db:"refunds"`  // as its refunds say
	Steps     int64  `db:"steps"`    // of the log
	Last      int64  `db:"last"`     // number of the last step
	Broken    int64  `db:"broken"`   // steps that do not follow from the one before
	End       string `db:"logged_end"`
}

const paymentsSQL = `SELECT p.id, p.kind, p.status, p.amount, p.fee, p.refunded, p.transfer_id IS NOT NULL AS named,
        p.fee_transfer_id IS NOT NULL AS fee_named, p.status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed') AS settled,
        (SELECT count(*) FROM transaction.transfer t WHERE t.id = p.transfer_id AND t.kind = p.kind AND t.amount = p.amount
            AND t.currency = p.currency AND p.account_id = CASE p.kind WHEN 'topup' THEN t.to_account ELSE t.from_account END) AS transfers,
        (SELECT count(*) FROM transaction.transfer t WHERE t.id = p.fee_transfer_id AND t.kind = 'fee' AND t.amount = p.fee
            AND t.currency = p.currency AND t.from_account = p.account_id) AS fees,
        (SELECT coalesce(sum(r.amount), 0) FROM transaction.payment r WHERE r.parent_id = p.id AND r.status = 'succeeded') AS refunds,
        l.steps, l.last, l.broken, l.logged_end
    FROM (SELECT * FROM transaction.payment WHERE id > $1 ORDER BY id LIMIT $2) p
    CROSS JOIN LATERAL (
        SELECT count(*) AS steps, coalesce(max(s.seq), 0) AS last, coalesce((array_agg(s.to_status ORDER BY s.seq DESC))[1], '') AS logged_end,
            count(*) FILTER (WHERE s.from_status IS DISTINCT FROM s.before OR NOT transaction.payment_may_become(coalesce(s.from_status, s.to_status), s.to_status)) AS broken
        FROM (SELECT t.*, lag(t.to_status) OVER (ORDER BY t.seq) AS before FROM transaction.payment_transition t WHERE t.payment_id = p.id) s
    ) l ORDER BY p.id`

// walkPayments looks at each payment, what moved for it and how it came to where it stands.
func walkPayments(ctx context.Context, w *walk) error {
	moved := w.check("payment-transfer", "each payment that succeeded moved its amount by one transfer, the right way; no other moved anything")
	fee := w.check("payment-fee", "the fee of a payment that succeeded was taken by one transfer, of no other")
	refunds := w.check("refunds", "what a top-up says was given back is the sum of its refunds, and no more than it")
	log := w.check("payment-log", "the log of each payment is an unbroken chain of legal transitions that ends in its status")
	return pages(ctx, w, paymentsSQL, []any{noID}, func(p paymentRow) []any { return []any{p.ID} }, func(p paymentRow) {
		moved.holds(p.Settled && p.Transfers == 1 || !p.Settled && !p.Named, func() string {
			return fmt.Sprintf("%s %s of %d is %s, with %d fitting transfers", p.Kind, p.ID, p.Amount, p.Status, p.Transfers)
		})
		takes := p.Settled && p.Fee > 0
		fee.holds(takes && p.Fees == 1 || !takes && !p.FeeNamed, func() string {
			return fmt.Sprintf("%s %s is %s, with %d fitting transfers of its fee %d", p.Kind, p.ID, p.Status, p.Fees, p.Fee)
		})
		refunds.holds(p.Refunded == p.Refunds && p.Refunds <= p.Amount, func() string {
			return fmt.Sprintf("%s %s of %d says that %d went back, its refunds say %d", p.Kind, p.ID, p.Amount, p.Refunded, p.Refunds)
		})
		log.holds(p.Steps > 0 && p.Steps == p.Last && p.Broken == 0 && p.End == p.Status, func() string {
			return fmt.Sprintf("%s %s is %s; its log of %d steps, %d of them broken, ends at number %d with %q", p.Kind, p.ID, p.Status, p.Steps, p.Broken, p.Last, p.End)
		})
	})
}

type holdRow struct {
	ID       string `db:"id"`
	Status   string `db:"status"`
	Amount   int64  `db:"amount"`
	Captured int64  `db:"captured"`
	Posted   int64  `db:"posted"`  // by the transfer of its id
	Payment  string `db:"payment"` // status of the payment it is for
	Paid     int64  `db:"paid"`    // by that payment
}

const holdsSQL = `SELECT h.id, h.status, h.amount, h.captured, coalesce(p.status, '') AS payment,
        coalesce((SELECT t.amount FROM transaction.transfer t WHERE t.id = h.id AND t.from_account = h.account_id AND t.to_account = h.to_account), 0) AS posted,
        coalesce((SELECT t.amount FROM transaction.transfer t WHERE t.id = p.transfer_id), 0) AS paid
    FROM (SELECT * FROM transaction.hold WHERE id > $1 ORDER BY id LIMIT $2) h
    LEFT JOIN transaction.payment p ON p.hold_id = h.id ORDER BY h.id`

// walkHolds looks at how each hold ended.
func walkHolds(ctx context.Context, w *walk) error {
	c := w.check("hold-end", "a captured hold was posted by one transfer of what was captured, no other by any; what a payment holds goes with it")
	return pages(ctx, w, holdsSQL, []any{noID}, func(h holdRow) []any { return []any{h.ID} }, func(h holdRow) {
		ok := h.Captured == h.Posted+h.Paid && (h.Status == "captured") == (h.Captured > 0)
		if h.Payment == "failed" || h.Payment == "canceled" {
			ok = ok && h.Status == "voided"
		} else if h.Payment != "" {
			ok = ok && h.Status != "voided" && h.Status != "expired"
		}
		c.holds(ok, func() string {
			return fmt.Sprintf("hold %s of %d is %s with %d captured; %d were posted, and %d by its payment, which is %q",
				h.ID, h.Amount, h.Status, h.Captured, h.Posted, h.Paid, h.Payment)
		})
	})
}

type heldRow struct {
	ID      string `db:"id"`
	Held    int64  `db:"held"`
	Pending int64  `db:"pending"`
}

const heldSQL = `SELECT a.id, a.held, (SELECT coalesce(sum(h.amount), 0) FROM transaction.hold h
        WHERE h.account_id = a.id AND h.status = 'pending') AS pending
    FROM (SELECT * FROM transaction.account WHERE id > $1 ORDER BY id LIMIT $2) a ORDER BY a.id`

// walkHeld compares what accounts say is held with their holds.
func walkHeld(ctx context.Context, w *walk) error {
	c := w.check("held", "what is held of an account is the sum of its pending holds")
	return pages(ctx, w, heldSQL, []any{noID}, func(h heldRow) []any { return []any{h.ID} }, func(h heldRow) {
		c.holds(h.Held == h.Pending, func() string {
			return fmt.Sprintf("account %s holds %d, its pending holds add up to %d", h.ID, h.Held, h.Pending)
		})
	})
}

const receivableSQL = `SELECT a.currency, a.balance, coalesce((SELECT sum(d.amount - d.recovered) FROM transaction.dispute d
        WHERE d.currency = a.currency AND d.status IN ('open', 'lost')), 0) AS owed
    FROM transaction.account a WHERE a.kind = 'system' AND a.name = 'receivable'`

// walkReceivable compares what disputes cost with what is booked as owed.
func walkReceivable(ctx context.Context, w *walk) error {
	c := w.check("receivable", "what is booked as owed is what open and lost disputes cost, less what was recovered")
	var rows []struct {
		Currency string `db:"currency"`
		Balance  int64  `db:"balance"`
		Owed     int64  `db:"owed"`
	}
	if err := w.tx.SelectContext(ctx, &rows, receivableSQL); err != nil {
		return err
	}
	for _, r := range rows {
		c.holds(r.Balance == -r.Owed, func() string {
			return fmt.Sprintf("%s: %d is booked as owed, disputes cost %d", r.Currency, -r.Balance, r.Owed)
		})
	}
	return nil
}
