package domain

import (
	"time"

	"github.com/micropay/micropay/shared/money"
)

// DisputeID names a dispute.
type DisputeID string

// DisputeStatus is where a dispute stands.
type DisputeStatus string

// A dispute is received, then open, then won or lost.
const (
	DisputeReceived DisputeStatus = "received" // heard of, not posted yet
	DisputeOpen     DisputeStatus = "open"     // the bank took the money, the outcome is not known
	DisputeWon      DisputeStatus = "won"      // the money came back
	DisputeLost     DisputeStatus = "lost"     // it did not; the owner of the wallet owes it
)

// DisputeNotice is what a provider says about a dispute: open, won or lost.
type DisputeNotice struct {
	Ref    string // the provider's id of it
	Amount money.Money
	Status DisputeStatus
}

// Dispute is a payer's bank taking the money of a top-up back. The wallet may have spent it by
// then, so it is not touched: what the provider took is booked as owed to us. While a dispute is
// open, and after it is lost until the debt is recovered, nothing leaves the owner's wallet.
type Dispute struct {
	ID        DisputeID
	Payment   PaymentID
	Owner     OwnerID
	Wallet    WalletID
	Provider  string
	Ref       string
	Amount    money.Money
	Status    DisputeStatus
	Recovered int64 // of a lost one: minor units that the wallet has paid back
	CreatedAt time.Time
}

// Dispute is the dispute of a payment that the provider tells of.
// Errors: ErrProviderMismatch when the payment cannot have that dispute.
func (p Payment) Dispute(id DisputeID, n DisputeNotice) (Dispute, error) {
	if checkAmount(n.Amount) != nil || n.Amount.Currency != p.Amount.Currency || n.Amount.Amount > p.Amount.Amount ||
		p.Kind != PaymentTopUp || !p.Status.Settled() {
		return Dispute{}, ErrProviderMismatch
	}
	return Dispute{
		ID: id, Payment: p.ID, Owner: p.Owner, Wallet: p.Wallet, Provider: p.Provider,
		Ref: n.Ref, Amount: n.Amount, Status: DisputeReceived,
	}, nil
}

// Opening is the posting of the money that the bank took.
func (d Dispute) Opening(id TransferID, a Accounts) Posting {
	return Posting{
		Order: Order{ID: id, From: a.Receivable, To: a.Provider, Amount: d.Amount, Description: d.Provider + " dispute"},
		Kind:  KindDispute, Dispute: d.ID,
	}
}

// Won is the posting of the money that came back.
func (d Dispute) Won(id TransferID, a Accounts) Posting {
	return Posting{
		Order: Order{ID: id, From: a.Provider, To: a.Receivable, Amount: d.Amount, Description: d.Provider + " dispute won"},
		Kind:  KindDisputeWon, Dispute: d.ID,
	}
}

// Recovery is the posting of what the wallet can pay of a lost dispute; false when that is nothing.
func (d Dispute) Recovery(id TransferID, available money.Money, a Accounts) (Posting, bool) {
	amount := money.Money{Amount: min(available.Amount, d.Amount.Amount-d.Recovered), Currency: d.Amount.Currency}
	return Posting{
		Order: Order{
			ID: id, Caller: Caller{ID: d.Owner}, From: d.Wallet, To: a.Receivable,
			Amount: amount, Description: d.Provider + " dispute lost",
		},
		Kind: KindRecovery, Dispute: d.ID,
	}, amount.Amount > 0
}
