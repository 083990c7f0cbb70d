package domain

import (
	"time"

	"github.com/micropay/micropay/shared/money"
)

// Entry is one side of a transfer in the history of a wallet.
type Entry struct {
	Wallet       WalletID
	Seq          int64       // counts the wallet's entries from 1
	Amount       money.Money // negative: it left the wallet
	BalanceAfter money.Money
	CreatedAt    time.Time
	Transfer     TransferID
	Kind         Kind
	Description  string
	Reverses     TransferID
	Counterparty Counterparty
}

// Counterparty is the other side of an entry: a wallet, or a payment provider.
type Counterparty struct {
	Wallet   WalletID // empty when it is a provider
	Provider string
}

// Period is a span of time from From up to, but not including, To. Zero means open.
type Period struct{ From, To time.Time }

// NewPeriod refuses a period that ends before it began. Errors: Invalid.
func NewPeriod(from, to time.Time) (Period, error) {
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return Period{}, Invalid{{Field: "to", Code: "before_from", Detail: "must be later than from"}}
	}
	return Period{From: from, To: to}, nil
}
