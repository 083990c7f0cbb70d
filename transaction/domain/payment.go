package domain

import (
	"strings"
	"time"
	"unicode"

	"github.com/micropay/micropay/shared/money"
)

// MaxDestinationLength bounds where a withdrawal goes, in characters: an e-mail address or a
// provider's account id.
const MaxDestinationLength = 254

// PaymentID names a payment; providers get it as their idempotency key.
type PaymentID string

// PaymentKind says which way the money goes.
type PaymentKind string

// The kinds of payments.
const (
	PaymentTopUp      PaymentKind = "topup"      // from a payer, through a provider, into a wallet
	PaymentRefund     PaymentKind = "refund"     // out of the wallet, back to the payer of a top-up
	PaymentWithdrawal PaymentKind = "withdrawal" // out of the wallet, to where its owner says
)

// Payment is money that crosses the border through a provider.
type Payment struct {
	ID          PaymentID
	Kind        PaymentKind
	Owner       OwnerID
	Wallet      WalletID
	Provider    string
	Amount      money.Money
	Fee         money.Money // taken from the wallet besides
	Status      PaymentStatus
	Cause       string     // why it has this status, e.g. "provider", "payer returned"
	ProviderRef string     // the provider's own id of it, once known
	FailureCode string     // the provider's reason, e.g. "card_declined"
	Parent      PaymentID  // of a refund: the top-up
	ParentRef   string     // of a refund: the provider's id of the top-up
	Destination string     // of a withdrawal: the provider's name for who gets it
	Refunded    int64      // of a top-up: minor units that went back
	Hold        HoldID     // of money that goes out: what keeps it until the outcome is known
	Transfer    TransferID // once the money moved: its transfer in the ledger
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// NewTopUp is the intent of a payment, to be stored before the provider is asked, so that a
// crash in between leaves something to ask about. Errors: Invalid (amount 1..money.Max).
func NewTopUp(id PaymentID, owner OwnerID, wallet WalletID, provider string, amount money.Money) (Payment, error) {
	p := newPayment(id, PaymentTopUp, owner, wallet, provider, amount)
	if fault := checkAmount(amount); fault != nil {
		return Payment{}, Invalid{*fault}
	}
	return p, nil
}

// NewWithdrawal is the intent to pay out of a wallet. Errors: Invalid (amount 1..money.Max,
// destination 1..MaxDestinationLength characters without blanks).
func NewWithdrawal(id PaymentID, owner OwnerID, wallet WalletID, provider string, amount money.Money, destination string) (Payment, error) {
	var faults Invalid
	if fault := checkAmount(amount); fault != nil {
		faults = append(faults, *fault)
	}
	if fault := checkDestination(destination); fault != nil {
		faults = append(faults, *fault)
	}
	if len(faults) > 0 {
		return Payment{}, faults
	}
	p := newPayment(id, PaymentWithdrawal, owner, wallet, provider, amount)
	p.Destination = destination
	return p, nil
}

func newPayment(id PaymentID, kind PaymentKind, owner OwnerID, wallet WalletID, provider string, amount money.Money) Payment {
	return Payment{
		ID: id, Kind: kind, Owner: owner, Wallet: wallet, Provider: provider, Amount: amount,
		Fee: money.Money{Currency: amount.Currency}, Status: PaymentCreated,
	}
}

func checkDestination(s string) *FieldError {
	const field = "destination"
	if s == "" {
		return &FieldError{Field: field, Code: "required", Detail: "must not be empty"}
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return &FieldError{Field: field, Code: "forbidden_character", Detail: "must not hold blanks or control characters"}
	}
	return checkText(field, s, MaxDestinationLength)
}

// Via is the payment through a provider, with the fee that it costs there.
// Errors: ErrFeeExceedsAmount when a top-up would bring nothing in, Invalid when amount and fee
// together exceed money.Max.
func (p Payment) Via(provider string, fees Fees) (Payment, error) {
	p.Provider, p.Fee = provider, fees.On(p.Kind, p.Amount)
	switch {
	case p.Kind == PaymentTopUp && p.Fee.Amount >= p.Amount.Amount:
		return Payment{}, ErrFeeExceedsAmount
	case p.Amount.Amount > money.Max-p.Fee.Amount:
		return Payment{}, Invalid{{Field: "amount", Code: "out_of_range", Detail: "amount and fee together are too large"}}
	}
	return p, nil
}

// Held is what the wallet has to hold until the outcome is known: nothing for a top-up.
func (p Payment) Held() money.Money {
	if p.Kind == PaymentTopUp {
		return money.Money{Currency: p.Amount.Currency}
	}
	return money.Money{Amount: p.Amount.Amount + p.Fee.Amount, Currency: p.Amount.Currency}
}

// Wants reports whether a provider that speaks of m speaks of this payment.
// Source: OWASP API10:2023, what a third party answers is checked before money moves.
func (p Payment) Wants(m money.Money) bool { return p.Amount == m }

// Refund is the payment that gives a top-up back, or a part of it (nil: all that is left). The
// store checks once more, with the top-up locked, that all refunds together, open ones too,
// stay within it.
//
// Errors: ErrNotRefundable, ErrPaymentDisputed, ErrRefundExceeds, ErrCurrencyMismatch, Invalid.
func (p Payment) Refund(id PaymentID, wanted *money.Money) (Payment, error) {
	switch {
	case p.Kind != PaymentTopUp || !p.Status.Settled():
		return Payment{}, ErrNotRefundable
	case p.Status == PaymentDisputed:
		return Payment{}, ErrPaymentDisputed
	}
	amount := money.Money{Amount: p.Amount.Amount - p.Refunded, Currency: p.Amount.Currency}
	switch {
	case wanted != nil && wanted.Currency != amount.Currency:
		return Payment{}, ErrCurrencyMismatch
	case amount.Amount == 0, wanted != nil && wanted.Amount > amount.Amount:
		return Payment{}, ErrRefundExceeds
	case wanted != nil:
		amount = *wanted
	}
	if fault := checkAmount(amount); fault != nil {
		return Payment{}, Invalid{*fault}
	}
	r := newPayment(id, PaymentRefund, p.Owner, p.Wallet, p.Provider, amount)
	r.Parent, r.ParentRef = p.ID, p.ProviderRef
	return r, nil
}

// Accounts are the system accounts of a currency that a payment's money passes through.
type Accounts struct {
	Provider   WalletID // what the provider holds for us, as a negative balance
	Fees       WalletID // what people paid us for payments
	Receivable WalletID // what banks took back and people owe us, as a negative balance
}

// Settlement is the posting of a payment whose money moved at the provider, with its fee.
func (p Payment) Settlement(id, feeID TransferID, a Accounts) Posting {
	posting := Posting{
		Order: Order{
			ID: id, Caller: Caller{ID: p.Owner}, From: p.Wallet, To: a.Provider,
			Amount: p.Amount, Description: p.Provider + " " + string(p.Kind),
		},
		Payment: p.ID, Hold: p.Hold,
	}
	switch p.Kind {
	case PaymentTopUp:
		posting.Kind, posting.From, posting.To = KindTopUp, a.Provider, p.Wallet
	case PaymentRefund:
		posting.Kind = KindRefund
	case PaymentWithdrawal:
		posting.Kind = KindWithdrawal
	}
	if p.Fee.Amount > 0 {
		posting.Fee = &FeePosting{ID: feeID, To: a.Fees, Amount: p.Fee}
	}
	return posting
}
