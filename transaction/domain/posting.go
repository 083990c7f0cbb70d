package domain

import (
	"strconv"
	"time"

	"github.com/micropay/micropay/shared/money"
)

// MaxDescriptionLength bounds what the sender writes to the receiver, in characters.
const MaxDescriptionLength = 255

// TransferID names a transfer; the event that tells of it has the same id.
type TransferID string

// Kind says why money moved.
type Kind string

// The kinds of transfers.
const (
	KindTransfer Kind = "transfer" // from one wallet to another
	KindReversal Kind = "reversal" // a transfer sent back, whole or in part

	KindTopUp      Kind = "topup"       // from a payment provider's account into a wallet
	KindRefund     Kind = "refund"      // a top-up given back, whole or in part
	KindWithdrawal Kind = "withdrawal"  // out of a wallet to a payment provider's account
	KindFee        Kind = "fee"         // what a payment costs, out of a wallet
	KindDispute    Kind = "dispute"     // a payer's bank took a top-up back
	KindDisputeWon Kind = "dispute_won" // and gave it up
	KindRecovery   Kind = "recovery"    // a wallet pays what a lost dispute took
)

// Caller is who asks, as the access token says.
type Caller struct {
	ID       OwnerID
	Operator bool // may see every transfer and reverse it
}

// Key is the idempotency key of a request that moves money, unique for its caller.
type Key struct {
	Value   string   // 1..255 visible ASCII characters; empty: the posting has none of its own
	Request [32]byte // hash of what was asked, so that a key used for something else is noticed
}

// Order is what a caller wants moved.
type Order struct {
	ID          TransferID
	Caller      Caller
	From, To    WalletID
	Amount      money.Money
	Description string
	Key         Key
}

// Posting is one transfer as the ledger takes it: two entries, amount out of From and into To.
type Posting struct {
	Order
	Kind     Kind
	Reverses TransferID  // of a reversal: the original
	Payment  PaymentID   // of a payment: what it settles
	Dispute  DisputeID   // of a dispute: what it moves on
	Hold     HoldID      // the hold that it captures
	Fee      *FeePosting // posted right after it, in the same commit
}

// FeePosting is the fee of a payment's posting: out of the same wallet, and only if that stands.
type FeePosting struct {
	ID     TransferID
	To     WalletID
	Amount money.Money
}

// Transfer is a posting that stands in the ledger, for good.
type Transfer struct {
	ID          TransferID
	Kind        Kind
	From, To    WalletID
	FromOwner   OwnerID // empty: a payment provider's account
	ToOwner     OwnerID
	Amount      money.Money
	Description string
	Reverses    TransferID  // of a reversal
	Reversed    money.Money // sum of its reversals so far
	CreatedAt   time.Time
}

// Receipt answers who moved money: the transfer and their wallet's balance after it.
type Receipt struct {
	Transfer
	Balance  money.Money
	Replayed bool // the key's first answer again; nothing moved this time
}

// NewTransfer is the posting of a transfer between two wallets.
// Errors: ErrSameWallet, Invalid (amount 1..money.Max, description up to MaxDescriptionLength characters).
func NewTransfer(o Order) (Posting, error) {
	return newPosting(Posting{Order: o, Kind: KindTransfer})
}

func newPosting(p Posting) (Posting, error) {
	var faults Invalid
	if fault := checkAmount(p.Amount); fault != nil {
		faults = append(faults, *fault)
	}
	if fault := checkText("description", p.Description, MaxDescriptionLength); fault != nil {
		faults = append(faults, *fault)
	}
	switch {
	case len(faults) > 0:
		return Posting{}, faults
	case p.From == p.To:
		return Posting{}, ErrSameWallet
	}
	return p, nil
}

func checkAmount(m money.Money) *FieldError {
	if _, err := money.New(m.Amount, m.Currency); err != nil {
		return &FieldError{
			Field: "amount", Code: "out_of_range",
			Detail: "must be between 1 and " + strconv.FormatInt(money.Max, 10) + " minor units",
		}
	}
	return nil
}
