package ports

import (
	"context"

	"github.com/micropay/micropay/transaction/domain"
)

//go:generate env GOWORK=off go tool -modfile=../../tools/go.mod mockgen -source=events.go -destination=mocks/events.go -package=mocks

// Inbox lets an event have its effect once, however often it comes.
type Inbox interface {
	// Once runs effect and notes the event in one commit, unless it was noted before. An error of
	// effect undoes it all, and the event may come again.
	Once(ctx context.Context, eventID, eventType string, effect func(context.Context, Effects) error) error
}

// Effects are what events do, all in the commit that notes the event.
type Effects interface {
	// AddDefault is that of Wallets.
	AddDefault(ctx context.Context, w domain.Wallet) error
	// CloseOwner is that of Wallets.
	CloseOwner(ctx context.Context, owner domain.OwnerID) error
	// Revoke stores a revocation.
	Revoke(ctx context.Context, r Revocation) error
}
