// Package subscriber tells the use cases of what happened elsewhere: events of auth.
package subscriber

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// UseCases are those that events cause; app.App has them.
type UseCases interface {
	UserRegistered(ctx context.Context, e app.Occurrence, owner domain.OwnerID) error
	UserSignedOut(ctx context.Context, e app.Occurrence, r ports.Revocation) error
	UserDeleted(ctx context.Context, e app.Occurrence, owner domain.OwnerID) error
}

// Handle is the handler of a consumer. Errors: events.ErrMalformed for what never can be handled.
func Handle(do UseCases) func(ctx context.Context, e events.Event) error {
	return func(ctx context.Context, e events.Event) error {
		this := app.Occurrence{ID: e.ID, Type: e.Type}
		switch e.Type {
		case events.UserRegistered:
			return ofUser(e, func(owner domain.OwnerID) error { return do.UserRegistered(ctx, this, owner) })
		case events.UserDeleted:
			return ofUser(e, func(owner domain.OwnerID) error { return do.UserDeleted(ctx, this, owner) })
		case events.UserSignedOut:
			r, err := revocation(e)
			if err != nil {
				return err
			}
			return do.UserSignedOut(ctx, this, r)
		}
		return fmt.Errorf("%w: a type that is not for this service", events.ErrMalformed)
	}
}

func ofUser(e events.Event, then func(domain.OwnerID) error) error {
	var data struct {
		UserID string `json:"user_id"`
	}
	if err := e.Decode(&data); err != nil {
		return err
	}
	id, err := uuid.Parse(data.UserID)
	if err != nil {
		return fmt.Errorf("%w: user_id is not a UUID", events.ErrMalformed)
	}
	return then(domain.OwnerID(id.String()))
}

func revocation(e events.Event) (ports.Revocation, error) {
	var data struct {
		Kind      string    `json:"kind"`
		ID        string    `json:"id"`
		RevokedAt time.Time `json:"revoked_at"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := e.Decode(&data); err != nil {
		return ports.Revocation{}, err
	}
	if data.Kind != "session" && data.Kind != "user" || data.ID == "" || data.RevokedAt.IsZero() || data.ExpiresAt.IsZero() {
		return ports.Revocation{}, fmt.Errorf("%w: not a revocation", events.ErrMalformed)
	}
	return ports.Revocation(data), nil
}
