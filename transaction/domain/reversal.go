package domain

import "github.com/micropay/micropay/shared/money"

// ReversalOrder asks to send a transfer back.
type ReversalOrder struct {
	ID          TransferID
	Caller      Caller
	Amount      *money.Money // nil: all that is left
	Description string
	Key         Key
}

// VisibleTo reports whether c took part in t, or is an operator.
func (t Transfer) VisibleTo(c Caller) bool {
	return c.Operator || c.ID != "" && (c.ID == t.FromOwner || c.ID == t.ToOwner)
}

// Reverse is the posting that sends t back, whole or in part. The ledger checks once more,
// with the wallets locked, that all reversals together stay within what was sent.
//
// Errors: ErrTransferNotFound for a stranger, ErrNotReceiver for the sender, ErrNotReversible,
// ErrCurrencyMismatch, ErrReversalExceeds, Invalid.
func (t Transfer) Reverse(o ReversalOrder) (Posting, error) {
	if !t.VisibleTo(o.Caller) {
		return Posting{}, ErrTransferNotFound
	}
	if o.Caller.ID != t.ToOwner && !o.Caller.Operator {
		return Posting{}, ErrNotReceiver
	}
	if t.Kind != KindTransfer {
		return Posting{}, ErrNotReversible
	}
	amount, err := t.reversible(o.Amount)
	if err != nil {
		return Posting{}, err
	}
	return newPosting(Posting{
		Order: Order{
			ID: o.ID, Caller: o.Caller, From: t.To, To: t.From,
			Amount: amount, Description: o.Description, Key: o.Key,
		},
		Kind: KindReversal, Reverses: t.ID,
	})
}

func (t Transfer) reversible(wanted *money.Money) (money.Money, error) {
	left := money.Money{Amount: t.Amount.Amount - t.Reversed.Amount, Currency: t.Amount.Currency}
	switch {
	case wanted == nil && left.Amount == 0:
		return money.Money{}, ErrReversalExceeds
	case wanted == nil:
		return left, nil
	case wanted.Currency != left.Currency:
		return money.Money{}, ErrCurrencyMismatch
	case wanted.Amount > left.Amount:
		return money.Money{}, ErrReversalExceeds
	}
	return *wanted, nil
}
