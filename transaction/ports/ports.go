// Package ports holds the interfaces between the core of the transaction service and the
// world: what the use cases in app need, implemented by the packages under adapters.
//
// Every method may also fail with ErrUnavailable: what stands behind it cannot answer now and
// the outcome of a write is unknown; asking again is safe.
package ports

import (
	"context"
	"errors"
	"time"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

//go:generate env GOWORK=off go tool -modfile=../../tools/go.mod mockgen -source=ports.go -destination=mocks/ports.go -package=mocks

// ErrUnavailable says that a database or another service cannot answer now.
var ErrUnavailable = errors.New("unavailable")

// Posted is what became of one posting.
type Posted struct {
	Err         error             // a domain.Refusal: nothing moved
	Transfer    domain.TransferID // the posting's own, or of a replay the first one
	At          time.Time
	FromBalance int64 // minor units, after the posting
	ToBalance   int64
	Replayed    bool // the key was used before for the same request: nothing moved now
	Settled     bool // the payment or dispute was moved on before: nothing moved now
}

// Ledger is the book of double entry.
type Ledger interface {
	// Post decides and writes a group of postings in one commit and answers each in its place.
	// A refused one leaves nothing behind and does not touch its neighbours. No two of a group
	// may share an idempotency key of one caller. An error means that none of them is known to
	// stand; posting them again with their keys is safe.
	Post(ctx context.Context, group []domain.Posting) ([]Posted, error)
	// Accounts returns the system accounts of a provider and currency, made when missing.
	Accounts(ctx context.Context, provider string, currency money.Currency) (domain.Accounts, error)
}

// Wallets stores the wallets; their balances are the ledger's.
type Wallets interface {
	// Add stores a new wallet. Errors: domain.ErrWalletLimit when its owner has limit open
	// wallets already, domain.ErrOwnerClosed.
	Add(ctx context.Context, w domain.Wallet, limit int) error
	// AddDefault stores w as its owner's first wallet unless they ever had one.
	// Errors: domain.ErrOwnerClosed.
	AddDefault(ctx context.Context, w domain.Wallet) error
	// All returns the wallets of an owner, oldest first, closed ones too.
	All(ctx context.Context, owner domain.OwnerID) ([]domain.Wallet, error)
	// Find returns a wallet of that owner. Errors: domain.ErrWalletNotFound.
	Find(ctx context.Context, owner domain.OwnerID, id domain.WalletID) (domain.Wallet, error)
	// Receiving returns the wallet in which an owner gets money of a currency: an active one
	// before a frozen one, the first one before others. Errors: domain.ErrWalletNotFound.
	Receiving(ctx context.Context, owner domain.OwnerID, currency money.Currency) (domain.WalletID, error)
	// Change applies change to a wallet that no posting can touch meanwhile and stores name and
	// status. pending says whether a payment, hold or dispute of it has not ended yet.
	// Errors: domain.ErrWalletNotFound and whatever change answers; nothing is stored then.
	Change(ctx context.Context, owner domain.OwnerID, id domain.WalletID,
		change func(w *domain.Wallet, pending bool) error) (domain.Wallet, error)
	// CloseOwner lets an owner open no more wallets. Errors: domain.ErrWalletsNotClosed.
	CloseOwner(ctx context.Context, owner domain.OwnerID) error
}

// Transfers reads what stands in the ledger.
type Transfers interface {
	// Find returns a transfer, whoever took part. Errors: domain.ErrTransferNotFound.
	Find(ctx context.Context, id domain.TransferID) (domain.Transfer, error)
	// BalanceAfter returns the balance of one of the two wallets right after t.
	BalanceAfter(ctx context.Context, t domain.Transfer, wallet domain.WalletID) (money.Money, error)
	// ByKey returns the transfer that the caller's key made, or "" when it made none.
	// Errors: domain.ErrKeyReused when it was used for another request.
	ByKey(ctx context.Context, caller domain.OwnerID, key domain.Key) (domain.TransferID, error)
}

// EntryQuery asks for a page of history, newest first.
type EntryQuery struct {
	Owner  domain.OwnerID
	Wallet domain.WalletID // empty: all wallets of the owner
	Period domain.Period
	After  *EntryPosition // the last entry of the page before
	Limit  int
}

// EntryPosition is a place in the order of entries: time, then wallet, then sequence.
type EntryPosition struct {
	At     time.Time
	Wallet domain.WalletID
	Seq    int64
}

// History reads entries.
type History interface {
	// Entries returns up to Limit entries, newest first.
	Entries(ctx context.Context, q EntryQuery) ([]domain.Entry, error)
	// Forward returns up to limit entries of a wallet, oldest first, after the sequence number
	// after and within the period.
	Forward(ctx context.Context, wallet domain.WalletID, p domain.Period, after int64, limit int) ([]domain.Entry, error)
	// BalanceAt returns the balance after every entry made before the moment (or, if inclusive,
	// at it), in minor units.
	BalanceAt(ctx context.Context, wallet domain.WalletID, at time.Time, inclusive bool) (int64, error)
}

// Directory knows people by e-mail address.
type Directory interface {
	// ByEmail returns who has the address. Errors: domain.ErrRecipientUnknown.
	ByEmail(ctx context.Context, email string) (domain.OwnerID, error)
}

// Revocation ends access tokens before they expire: those of one session, or all that were
// issued to a user up to RevokedAt.
type Revocation struct {
	Kind      string // "session" or "user"
	ID        string
	RevokedAt time.Time
	ExpiresAt time.Time // no token it concerns lives longer
}

// RevocationFeed tells of revocations in the order in which they can be read.
type RevocationFeed interface {
	// After returns what came after cursor ("" is the beginning) and where to go on.
	After(ctx context.Context, cursor string) ([]Revocation, string, error)
}

// Heard is what a RevocationStore holds.
type Heard struct {
	Revocations []Revocation
	Cursor      string // in the feed, behind all of them
	Seq         int64  // of the last one; what is stored later has a higher one
}

// RevocationStore keeps them over a restart, and for all replicas.
type RevocationStore interface {
	// Load returns what was stored after seq (0 is the beginning) and has not expired.
	Load(ctx context.Context, seq int64) (Heard, error)
	// Save stores revocations together with the cursor behind them and drops expired ones.
	Save(ctx context.Context, rs []Revocation, cursor string) error
}
