package app

import (
	"context"
	"time"

	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/money"
)

// Transfer is one that was posted, as its event tells.
type Transfer struct {
	ID       string
	Kind     string
	Amount   money.Money
	From, To string // ids of persons, "" for the outside
	Note     string
	At       time.Time
}

// Payment is one whose outcome became known, as its event tells.
type Payment struct {
	ID        string
	Kind      string // topup, refund or withdrawal
	Succeeded bool
	Amount    money.Money
	UserID    string
	Provider  string
	At        time.Time
}

// UserVerified welcomes somebody.
func (a *App) UserVerified(ctx context.Context, e ports.Occurrence, userID string) error {
	return a.LetterBox.Promise(ctx, e, ports.Promise{UserID: userID, Kind: ports.LetterWelcome})
}

// TransferPosted tells both sides of a transfer between two people. What comes in or goes out
// through a provider is told with its payment.
func (a *App) TransferPosted(ctx context.Context, e ports.Occurrence, t Transfer) error {
	if t.From == "" || t.To == "" || t.From == t.To {
		return nil
	}
	tell := func(kind ports.LetterKind, reader, other string) ports.Promise {
		return ports.Promise{UserID: reader, Kind: kind, Details: ports.Details{
			Amount: t.Amount, OtherID: other, Note: t.Note, Reference: t.ID, At: t.At,
		}}
	}
	return a.LetterBox.Promise(ctx, e, tell(ports.LetterMoneySent, t.From, t.To), tell(ports.LetterMoneyReceived, t.To, t.From))
}

// PaymentSettled tells whose wallet it was, when money moved.
func (a *App) PaymentSettled(ctx context.Context, e ports.Occurrence, p Payment) error {
	if !p.Succeeded {
		return nil
	}
	kind := ports.LetterMoneySent
	if p.Kind == "topup" {
		kind = ports.LetterMoneyReceived
	}
	return a.LetterBox.Promise(ctx, e, ports.Promise{UserID: p.UserID, Kind: kind, Details: ports.Details{
		Amount: p.Amount, Other: p.Provider, Reference: p.ID, At: p.At,
	}})
}
