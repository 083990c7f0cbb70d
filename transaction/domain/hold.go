package domain

import (
	"time"

	"github.com/micropay/micropay/shared/money"
)

// HoldID names a hold. The transfer that captures it has the same id.
type HoldID string

// HoldStatus is what became of a hold.
type HoldStatus string

// A hold is pending until one of the others ends it, for good.
const (
	HoldPending  HoldStatus = "pending"
	HoldCaptured HoldStatus = "captured" // posted, whole or in part; the rest was let go
	HoldVoided   HoldStatus = "voided"   // let go by one of the two sides, or since a payment failed
	HoldExpired  HoldStatus = "expired"  // let go by the passing of time
)

// Hold keeps money of a wallet for one receiver: it is still in the balance, but no longer
// available. It is the first of the two phases of a transfer.
type Hold struct {
	ID          HoldID
	Owner       OwnerID // of the wallet From
	ToOwner     OwnerID // empty: a provider's account
	From, To    WalletID
	Amount      money.Money
	Description string
	Status      HoldStatus
	Captured    int64     // minor units that were posted
	ExpiresAt   time.Time // zero: it lasts until its payment's outcome is known
	CreatedAt   time.Time
}

// HoldReceipt answers who asked about a hold.
type HoldReceipt struct {
	Hold
	Available money.Money // of the payer's wallet, right now
	Replayed  bool
}

// NewHold is the first phase of the transfer that o asks for. Errors: as NewTransfer.
func NewHold(o Order, expires time.Time) (Hold, error) {
	if _, err := NewTransfer(o); err != nil {
		return Hold{}, err
	}
	return Hold{
		ID: HoldID(o.ID), Owner: o.Caller.ID, From: o.From, To: o.To, Amount: o.Amount, Description: o.Description,
		Status: HoldPending, ExpiresAt: expires,
	}, nil
}

// VisibleTo reports whether c is one of the two sides of h, or an operator. What is held for a
// payment through a provider is the payment's alone.
func (h Hold) VisibleTo(c Caller) bool {
	return h.ToOwner != "" && (c.Operator || c.ID != "" && (c.ID == h.Owner || c.ID == h.ToOwner))
}

// Capture is the posting of the whole (nil) or a part; the rest is let go. Either side may ask
// for it: the payer has agreed by holding. The ledger checks once more with the wallet locked.
//
// Errors: ErrTransferNotFound for a stranger, ErrHoldEnded, ErrCaptureExceeds,
// ErrCurrencyMismatch, Invalid.
func (h Hold) Capture(c Caller, wanted *money.Money, key Key) (Posting, error) {
	amount := h.Amount
	if wanted != nil {
		amount = *wanted
	}
	switch {
	case !h.VisibleTo(c):
		return Posting{}, ErrTransferNotFound
	case h.Status != HoldPending:
		return Posting{}, ErrHoldEnded
	case amount.Currency != h.Amount.Currency:
		return Posting{}, ErrCurrencyMismatch
	case amount.Amount > h.Amount.Amount:
		return Posting{}, ErrCaptureExceeds
	}
	return newPosting(Posting{
		Order: Order{
			ID: TransferID(h.ID), Caller: c, From: h.From, To: h.To, Amount: amount, Description: h.Description, Key: key,
		},
		Kind: KindTransfer, Hold: h.ID,
	})
}
