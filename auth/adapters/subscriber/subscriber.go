// Package subscriber tells the use cases of what happened: events of transaction and of auth itself.
package subscriber

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/money"
)

// UseCases are those that events cause; app.App has them.
type UseCases interface {
	UserVerified(ctx context.Context, e ports.Occurrence, userID string) error
	TransferPosted(ctx context.Context, e ports.Occurrence, t app.Transfer) error
	PaymentSettled(ctx context.Context, e ports.Occurrence, p app.Payment) error
}

// Handle is the handler of a consumer. Errors: events.ErrMalformed for what never can be handled.
func Handle(do UseCases) func(ctx context.Context, e events.Event) error {
	return func(ctx context.Context, e events.Event) error {
		this := ports.Occurrence{ID: e.ID, Type: e.Type}
		switch e.Type {
		case events.UserVerified:
			var data struct {
				UserID string `json:"user_id"`
			}
			if err := read(e, &data, &data.UserID); err != nil {
				return err
			}
			return do.UserVerified(ctx, this, data.UserID)
		case events.TransferPosted:
			t, err := transfer(e)
			if err != nil {
				return err
			}
			return do.TransferPosted(ctx, this, t)
		case events.PaymentSettled:
			p, err := payment(e)
			if err != nil {
				return err
			}
			return do.PaymentSettled(ctx, this, p)
		}
		return fmt.Errorf("%w: a type that is not for this service", events.ErrMalformed)
	}
}

// read decodes the data, in which the ids must be UUIDs.
func read(e events.Event, data any, ids ...*string) error {
	if err := e.Decode(data); err != nil {
		return err
	}
	for _, id := range ids {
		if uuid.Validate(*id) != nil {
			return fmt.Errorf("%w: an id in %s is not a UUID", events.ErrMalformed, e.Type)
		}
	}
	return nil
}

func amount(minor int64, currency string) (money.Money, error) {
	c, err := money.ParseCurrency(currency)
	if err != nil || minor <= 0 {
		return money.Money{}, fmt.Errorf("%w: not an amount of money", events.ErrMalformed)
	}
	return money.Money{Amount: minor, Currency: c}, nil
}

func transfer(e events.Event) (app.Transfer, error) {
	var data struct {
		ID       string `json:"transfer_id"`
		Kind     string `json:"kind"`
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
		Note     string `json:"description"`
		From     string `json:"from_user_id"`
		To       string `json:"to_user_id"`
	}
	if err := read(e, &data, &data.ID); err != nil {
		return app.Transfer{}, err
	}
	for _, id := range []string{data.From, data.To} {
		if id != "" && uuid.Validate(id) != nil {
			return app.Transfer{}, fmt.Errorf("%w: a person's id is not a UUID", events.ErrMalformed)
		}
	}
	moved, err := amount(data.Amount, data.Currency)
	return app.Transfer{ID: data.ID, Kind: data.Kind, Amount: moved, From: data.From, To: data.To, Note: data.Note, At: e.Time}, err
}

func payment(e events.Event) (app.Payment, error) {
	var data struct {
		ID       string `json:"payment_id"`
		Kind     string `json:"kind"`
		Status   string `json:"status"`
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
		UserID   string `json:"user_id"`
		Provider string `json:"provider"`
	}
	if err := read(e, &data, &data.ID, &data.UserID); err != nil {
		return app.Payment{}, err
	}
	moved, err := amount(data.Amount, data.Currency)
	return app.Payment{
		ID: data.ID, Kind: data.Kind, Succeeded: data.Status == "succeeded", Amount: moved, UserID: data.UserID, Provider: data.Provider, At: e.Time,
	}, err
}
