package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// disputeLook is how often an open dispute is asked about if its provider tells nothing. They
// take weeks.
const disputeLook = time.Hour

// followSettled books what a provider says about disputes of a payment whose money moved.
func (a *App) followSettled(ctx context.Context, p domain.Payment, c ports.Charge) error {
	var faults []error
	var next time.Duration
	for _, n := range c.Disputes {
		if err := a.followDispute(ctx, p, n); err != nil {
			faults = append(faults, fmt.Errorf("dispute %s of payment %s: %w", n.Ref, p.ID, err))
		}
		if n.Status == domain.DisputeOpen {
			next = disputeLook
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...) // it stays due
	}
	p, err := a.Payments.Find(ctx, p.Owner, p.Kind, p.ID)
	if err != nil {
		return err
	}
	_, err = a.Payments.Record(ctx, p.Status, p, next)
	return err
}

// followDispute takes a dispute to where its provider says it is. Each step is booked once,
// however often and in whatever order it is heard of.
func (a *App) followDispute(ctx context.Context, p domain.Payment, n domain.DisputeNotice) error {
	d, err := p.Dispute(domain.DisputeID(a.NewID()), n)
	if err != nil {
		return err
	}
	if d, err = a.Disputes.Keep(ctx, d); err != nil {
		return err
	}
	accounts, err := a.Ledger.Accounts(ctx, p.Provider, p.Amount.Currency)
	if err != nil {
		return err
	}
	if d.Status == domain.DisputeReceived {
		if _, err := a.Postings.Post(ctx, d.Opening(domain.TransferID(a.NewID()), accounts)); err != nil {
			return err
		}
		d.Status = domain.DisputeOpen
	}
	switch {
	case d.Status != domain.DisputeOpen:
		return nil
	case n.Status == domain.DisputeWon:
		_, err = a.Postings.Post(ctx, d.Won(domain.TransferID(a.NewID()), accounts))
	case n.Status == domain.DisputeLost:
		err = a.Disputes.Lose(ctx, d.ID)
	}
	return err
}

// RecoverDisputes takes what lost disputes cost from the wallets that have money again, up to
// limit of them. It returns how many paid something.
func (a *App) RecoverDisputes(ctx context.Context, limit int) (int, error) {
	owed, err := a.Disputes.Owed(ctx, limit)
	if err != nil {
		return 0, err
	}
	n := 0
	var faults []error
	for _, d := range owed {
		paid, err := a.recover(ctx, d)
		if err != nil {
			faults = append(faults, fmt.Errorf("dispute %s: %w", d.ID, err))
		}
		if paid {
			n++
		}
	}
	return n, errors.Join(faults...)
}

func (a *App) recover(ctx context.Context, d domain.Dispute) (bool, error) {
	w, err := a.Wallets.Find(ctx, d.Owner, d.Wallet)
	if err != nil {
		return false, err
	}
	accounts, err := a.Ledger.Accounts(ctx, d.Provider, d.Amount.Currency)
	if err != nil {
		return false, err
	}
	p, some := d.Recovery(domain.TransferID(a.NewID()), w.Available(), accounts)
	if !some {
		return false, nil
	}
	posted, err := a.Postings.Post(ctx, p)
	if errors.Is(err, domain.ErrInsufficientFunds) {
		return false, nil // it was spent by another dispute's recovery; the next time
	}
	return err == nil && !posted.Settled, err
}
