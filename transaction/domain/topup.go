package domain

import (
	"slices"
	"time"

	"github.com/micropay/micropay/shared/money"
)

// TopUpID names a payment that brings money in; providers get it as their idempotency key.
type TopUpID string

// TopUpStatus is where a payment stands.
type TopUpStatus string

// A payment goes created -> requires_action -> processing -> succeeded, failed or canceled,
// and may leave steps out. The last three are final.
const (
	TopUpCreated        TopUpStatus = "created"         // the intent is stored, the provider not yet heard
	TopUpRequiresAction TopUpStatus = "requires_action" // the payer has to approve
	TopUpProcessing     TopUpStatus = "processing"      // the provider has it, the outcome is open
	TopUpSucceeded      TopUpStatus = "succeeded"       // captured and credited
	TopUpFailed         TopUpStatus = "failed"          // declined, nothing was captured
	TopUpCanceled       TopUpStatus = "canceled"        // given up, nothing was captured
)

// Final reports whether the status can change no more.
func (s TopUpStatus) Final() bool {
	return s == TopUpSucceeded || s == TopUpFailed || s == TopUpCanceled
}

// CanBecome reports whether a payment in status s may go to next. Staying is always possible:
// providers repeat themselves.
func (s TopUpStatus) CanBecome(next TopUpStatus) bool {
	if s == next {
		return true
	}
	return !s.Final() && next != TopUpCreated && slices.Contains(topUpStatuses, next)
}

var topUpStatuses = []TopUpStatus{
	TopUpCreated, TopUpRequiresAction, TopUpProcessing, TopUpSucceeded, TopUpFailed, TopUpCanceled,
}

// TopUp is a payment through a provider into a wallet.
type TopUp struct {
	ID          TopUpID
	Owner       OwnerID
	Wallet      WalletID
	Provider    string
	Amount      money.Money
	Status      TopUpStatus
	ProviderRef string     // the provider's own id of it, once known
	FailureCode string     // of a failed one: the provider's reason, e.g. "card_declined"
	Transfer    TransferID // of a succeeded one: its transfer in the ledger
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// NewTopUp is the intent of a payment, to be stored before the provider is asked, so that a
// crash in between leaves something to ask about. Errors: Invalid (amount 1..money.Max).
func NewTopUp(id TopUpID, owner OwnerID, wallet WalletID, provider string, amount money.Money) (TopUp, error) {
	if fault := checkAmount(amount); fault != nil {
		return TopUp{}, Invalid{*fault}
	}
	return TopUp{ID: id, Owner: owner, Wallet: wallet, Provider: provider, Amount: amount, Status: TopUpCreated}, nil
}

// Settlement is the posting that credits a captured payment, out of the provider's account.
func (t TopUp) Settlement(id TransferID, providerAccount WalletID) Posting {
	return Posting{
		Order: Order{
			ID: id, Caller: Caller{ID: t.Owner}, From: providerAccount, To: t.Wallet,
			Amount: t.Amount, Description: t.Provider + " top-up",
		},
		Kind: KindTopUp, TopUp: t.ID,
	}
}
