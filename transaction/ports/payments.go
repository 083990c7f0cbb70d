package ports

import (
	"context"
	"time"

	"github.com/micropay/micropay/transaction/domain"
)

//go:generate env GOWORK=off go tool -modfile=../../tools/go.mod mockgen -source=payments.go -destination=mocks/payments.go -package=mocks

// Payments stores payments through providers. Each has a moment from which on it is due to be
// looked at, until its outcome is known; a notification makes it due again.
type Payments interface {
	// Add stores an intent under its owner's key, due after patience, and holds the money of one
	// that goes out. When the key made a payment before, that one is returned with true and nothing
	// is stored. Errors: domain.ErrKeyReused, domain.ErrWalletNotFound, domain.ErrWalletNotActive,
	// domain.ErrCurrencyMismatch; for money that goes out domain.ErrInsufficientFunds,
	// domain.ErrWalletBlocked, of a refund domain.ErrRefundExceeds, domain.ErrPaymentDisputed.
	Add(ctx context.Context, p domain.Payment, key domain.Key, patience time.Duration) (domain.Payment, bool, error)
	// Find returns an owner's payment of a kind. Errors: domain.ErrPaymentNotFound.
	Find(ctx context.Context, owner domain.OwnerID, kind domain.PaymentKind, id domain.PaymentID) (domain.Payment, error)
	// Record stores status, cause, provider reference and failure code if the payment still has the
	// status from, and makes an open one due in about next (zero: not at all). Money that was held
	// for one that failed or was canceled is let go in the same commit. It reports whether the
	// payment had that status. Succeeding is not recorded here: the ledger does it together with
	// the money.
	Record(ctx context.Context, from domain.PaymentStatus, p domain.Payment, next time.Duration) (bool, error)
	// Reroute gives a payment that no provider has heard of to another one, with its fee.
	// Errors: as Add, when the wallet cannot hold that fee; domain.ErrPaymentNotFound when the
	// payment is not as new any more.
	Reroute(ctx context.Context, p domain.Payment) error
	// ByKey returns the payment that the owner's key made; false when it made none.
	// Errors: domain.ErrKeyReused when it was used for another request.
	ByKey(ctx context.Context, owner domain.OwnerID, key domain.Key) (domain.Payment, bool, error)
	// Abandon cancels a payment that no provider has heard of and forgets its key, so that the same
	// request is judged afresh. It reports whether it did: the payment was as new as that.
	Abandon(ctx context.Context, p domain.Payment, key domain.Key, cause string) (bool, error)
	// Claim returns up to limit payments of a provider that are due, the longest due first, and
	// makes them due again after lease, so that two replicas do not ask about the same.
	Claim(ctx context.Context, provider string, lease time.Duration, limit int) ([]domain.Payment, error)
	// Notice keeps a notification and makes the payment that it names due at once. It reports
	// whether it is new and names a payment that we know.
	Notice(ctx context.Context, provider string, n Notification) (bool, error)
	// Between returns the payments of a provider made in [from, to), in the order of their ids.
	Between(ctx context.Context, provider string, from, to time.Time) ([]domain.Payment, error)
	// ByID returns a provider's payments among ids, whosever they are.
	ByID(ctx context.Context, provider string, ids []domain.PaymentID) ([]domain.Payment, error)
}

// Holds stores money that is kept for a transfer.
type Holds interface {
	// Place holds money under the owner's key. When the key placed a hold before, that one is
	// returned with true. Errors: domain.ErrKeyReused and what the ledger refuses of a transfer.
	Place(ctx context.Context, h domain.Hold, key domain.Key) (domain.Hold, bool, error)
	// Find returns the hold of a transfer, whoever takes part. Errors: domain.ErrTransferNotFound.
	Find(ctx context.Context, id domain.HoldID) (domain.Hold, error)
	// Available returns what of a wallet's balance is not held, in minor units.
	Available(ctx context.Context, wallet domain.WalletID) (int64, error)
	// Void lets a pending hold go. One that has ended stays as it is and is returned.
	Void(ctx context.Context, id domain.HoldID) (domain.Hold, error)
	// Expire lets go up to limit holds whose time has passed, and returns how many.
	Expire(ctx context.Context, limit int) (int, error)
}

// Disputes stores what payers' banks take back.
type Disputes interface {
	// Keep stores a dispute that is heard of for the first time, and returns it as it is stored.
	Keep(ctx context.Context, d domain.Dispute) (domain.Dispute, error)
	// Lose records that an open dispute was lost.
	Lose(ctx context.Context, id domain.DisputeID) error
	// Owed returns lost disputes of wallets that have money to pay something back, up to limit.
	Owed(ctx context.Context, limit int) ([]domain.Dispute, error)
}
