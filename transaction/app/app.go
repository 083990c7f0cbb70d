// Package app holds the use cases of the transaction service, one file each: it puts the rules
// of domain to work on what the ports bring, and has no I/O of its own.
package app

import (
	"time"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// App is the table of contents; each use case is a method in the file of its name.
type App struct {
	Patience

	Postings  *GroupCommitter // the way to the ledger
	Ledger    ports.Ledger
	Wallets   ports.Wallets
	Transfers ports.Transfers
	History   ports.History
	Payments  ports.Payments
	Holds     ports.Holds
	Disputes  ports.Disputes
	Directory ports.Directory
	Inbox     ports.Inbox
	Providers map[string]Provider // by name, e.g. "sandbox"

	NewID           func() string // a fresh UUIDv7
	Now             func() time.Time
	DefaultCurrency money.Currency // of the wallet everybody has
	WalletLimit     int            // open wallets a person may have
}

// firstWallet is the wallet that everybody has from registration on.
func (a *App) firstWallet(owner domain.OwnerID) (domain.Wallet, error) {
	return domain.NewWallet(domain.WalletID(a.NewID()), owner, a.DefaultCurrency, string(a.DefaultCurrency))
}
