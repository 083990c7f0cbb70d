package ports

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

//go:generate env GOWORK=off go tool -modfile=../../tools/go.mod mockgen -source=providers.go -destination=mocks/providers.go -package=mocks

var (
	// ErrNothingDone says that a call surely did nothing at the provider: it was never sent, or
	// refused before anything was looked at.
	ErrNothingDone = errors.New("the provider did nothing")
	// ErrNotKnown says that the provider has no payment of that id.
	ErrNotKnown = errors.New("the provider does not know the payment")
	// ErrForged says that a notification does not come from the provider, or is too old.
	ErrForged = errors.New("not a notification of the provider")
)

// Charge is what a provider says about a payment.
type Charge struct {
	// Status is requires_action, processing, succeeded, failed or canceled; what was given back or
	// is disputed counts as succeeded here.
	Status      domain.PaymentStatus
	Approved    bool // requires_action, and the payer has agreed: Capture takes the money
	ProviderRef string
	FailureCode string      // of a failed one, or of the payer's last attempt
	Amount      money.Money // what the provider takes or gives
	Action      Action      // of requires_action: what the payer has to do
	Disputes    []domain.DisputeNotice
}

// Action is what a payer does next. It is handed on and never stored.
type Action struct {
	ClientSecret string // for the provider's own form in the payer's browser
	RedirectURL  string // where the payer approves
}

// PaymentProvider moves money in and out. Every call carries the payment's id as the provider's
// idempotency key, so that asking twice is asking once.
//
// Settlement may be asynchronous: a status that is open is asked about again later. An error is
// ErrNothingDone, or else the outcome is unknown; it never means that the payment failed.
type PaymentProvider interface {
	// Start asks for the payment: a top-up, a refund (of p.ParentRef) or a withdrawal (to
	// p.Destination). What the provider refuses for good is a Charge that failed.
	Start(ctx context.Context, p domain.Payment) (Charge, error)
	// Look asks what became of it and changes nothing. It finds the payment by our id if
	// p.ProviderRef is empty. Errors: ErrNotKnown.
	Look(ctx context.Context, p domain.Payment) (Charge, error)
	// Capture takes the money of a top-up that the payer approved.
	Capture(ctx context.Context, p domain.Payment) (Charge, error)
	// Cancel gives up a top-up that waits for its payer, and says what became of it.
	Cancel(ctx context.Context, p domain.Payment) (Charge, error)
}

// Gate says whether calls to a provider are let through now; what does not is its breaker.
type Gate interface {
	// Ready returns how long nothing will be let through, when that is so.
	Ready() (retryAfter time.Duration, ready bool)
}

// Notification is what a provider told us by itself. It is never believed: it makes us look.
type Notification struct {
	EventID     string // the provider's, the same when it is told again
	Type        string
	Payment     domain.PaymentID // empty: not said
	ProviderRef string           // of the payment; empty: not said
}

// Notifications are a provider's webhooks.
type Notifications interface {
	// Verify returns what a request says that is proven to come from the provider.
	// Errors: ErrForged; others mean that it could not be verified now, and that it should come again.
	Verify(ctx context.Context, header http.Header, body []byte) (Notification, error)
}

// Operation is a line of a provider's statement.
type Operation struct {
	Payment   domain.PaymentID // empty: it is none of ours
	Ref       string
	Kind      domain.PaymentKind
	Amount    money.Money
	Status    domain.PaymentStatus // as of Charge
	CreatedAt time.Time
}

// Statements are a provider's own list of what it did.
type Statements interface {
	// Operations lists what was made in [from, to), in any order.
	Operations(ctx context.Context, from, to time.Time) iter.Seq2[Operation, error]
}
