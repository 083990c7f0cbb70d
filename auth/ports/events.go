package ports

import (
	"context"
	"time"

	"github.com/micropay/micropay/shared/money"
)

//go:generate env GOWORK=off go tool -modfile=../../tools/go.mod mockgen -source=events.go -destination=mocks/events.go -package=mocks

// Occurrence names an event that came.
type Occurrence struct{ ID, Type string }

// Promise is a letter to somebody, before it is known who they are and what they speak.
type Promise struct {
	UserID  string
	Kind    LetterKind
	Details Details
}

// Details are what a money letter tells; a welcome tells none of it.
type Details struct {
	Amount    money.Money
	OtherID   string // the other person's id, if it is one
	Other     string // else who it was, e.g. a provider
	Note      string
	Reference string
	At        time.Time
}

// Promised is a promise that is due.
type Promised struct {
	Promise
	ID       int64
	EventID  string
	Attempts int // this one included
}

// LetterBox keeps promised letters until they have been handed to the mail system.
type LetterBox interface {
	// Promise stores an event's letters, one of a kind to a person, in the commit that notes the
	// event, so that it has them once, however often it comes. After an error it may come again.
	Promise(ctx context.Context, event Occurrence, letters ...Promise) error
	// Claim takes the next letter that is due; others leave it alone for the lease. false: none is.
	Claim(ctx context.Context, now time.Time, lease time.Duration) (Promised, bool, error)
	// Done ends it. It was sent, or why says for what it was given up.
	Done(ctx context.Context, p Promised, why error) error
	// Delay makes it due again, for what why says.
	Delay(ctx context.Context, p Promised, until time.Time, why error) error
}
