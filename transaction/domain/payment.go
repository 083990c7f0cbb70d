package domain

import (
	"slices"
	"time"

	"github.com/micropay/micropay/shared/money"
)

// PaymentID names a payment that brings money in; providers get it as their idempotency key.
type PaymentID string

// PaymentStatus is where a payment stands.
type PaymentStatus string

// A payment goes created -> requires_action -> processing -> succeeded, failed or canceled,
// and may leave steps out. The last three are final.
const (
	PaymentCreated        PaymentStatus = "created"         // the intent is stored, the provider not yet heard
	PaymentRequiresAction PaymentStatus = "requires_action" // the payer has to approve
	PaymentProcessing     PaymentStatus = "processing"      // the provider has it, the outcome is open
	PaymentSucceeded      PaymentStatus = "succeeded"       // captured and credited
	PaymentFailed         PaymentStatus = "failed"          // declined, nothing was captured
	PaymentCanceled       PaymentStatus = "canceled"        // given up, nothing was captured
)

// Final reports whether the status can change no more.
func (s PaymentStatus) Final() bool {
	return s == PaymentSucceeded || s == PaymentFailed || s == PaymentCanceled
}

// CanBecome reports whether a payment in status s may go to next. Staying is always possible:
// providers repeat themselves.
func (s PaymentStatus) CanBecome(next PaymentStatus) bool {
	if s == next {
		return true
	}
	return !s.Final() && next != PaymentCreated && slices.Contains(paymentStatuses, next)
}

var paymentStatuses = []PaymentStatus{
	PaymentCreated, PaymentRequiresAction, PaymentProcessing, PaymentSucceeded, PaymentFailed, PaymentCanceled,
}

// Payment is a payment through a provider into a wallet.
type Payment struct {
	ID          PaymentID
	Owner       OwnerID
	Wallet      WalletID
	Provider    string
	Amount      money.Money
	Status      PaymentStatus
	ProviderRef string     // the provider's own id of it, once known
	FailureCode string     // of a failed one: the provider's reason, e.g. "card_declined"
	Transfer    TransferID // of a succeeded one: its transfer in the ledger
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// NewTopUp is the intent of a payment, to be stored before the provider is asked, so that a
// crash in between leaves something to ask about. Errors: Invalid (amount 1..money.Max).
func NewTopUp(id PaymentID, owner OwnerID, wallet WalletID, provider string, amount money.Money) (Payment, error) {
	if fault := checkAmount(amount); fault != nil {
		return Payment{}, Invalid{*fault}
	}
	return Payment{ID: id, Owner: owner, Wallet: wallet, Provider: provider, Amount: amount, Status: PaymentCreated}, nil
}

// Settlement is the posting that credits a captured payment, out of the provider's account.
func (t Payment) Settlement(id TransferID, providerAccount WalletID) Posting {
	return Posting{
		Order: Order{
			ID: id, Caller: Caller{ID: t.Owner}, From: providerAccount, To: t.Wallet,
			Amount: t.Amount, Description: t.Provider + " top-up",
		},
		Kind: KindTopUp, Payment: t.ID,
	}
}
