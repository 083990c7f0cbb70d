package app

import (
	"context"
	"errors"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Occurrence names an event that came.
type Occurrence struct{ ID, Type string }

// UserRegistered gives a person the wallet that everybody has.
func (a *App) UserRegistered(ctx context.Context, e Occurrence, owner domain.OwnerID) error {
	first, err := a.firstWallet(owner)
	if err != nil {
		return err
	}
	return a.Inbox.Once(ctx, e.ID, e.Type, func(ctx context.Context, do ports.Effects) error {
		err := do.AddDefault(ctx, first)
		if errors.Is(err, domain.ErrOwnerClosed) {
			return nil // it came after their leaving
		}
		return err
	})
}

// UserSignedOut has tokens refused. It is what the feed of revocations tells, too: whichever
// comes first.
func (a *App) UserSignedOut(ctx context.Context, e Occurrence, r ports.Revocation) error {
	return a.Inbox.Once(ctx, e.ID, e.Type, func(ctx context.Context, do ports.Effects) error {
		return do.Revoke(ctx, r)
	})
}

// UserDeleted lets a person open no more wallets. Errors: domain.ErrWalletsNotClosed, which
// somebody has to look into: they were closed before the person could leave.
func (a *App) UserDeleted(ctx context.Context, e Occurrence, owner domain.OwnerID) error {
	return a.Inbox.Once(ctx, e.ID, e.Type, func(ctx context.Context, do ports.Effects) error {
		return do.CloseOwner(ctx, owner)
	})
}
