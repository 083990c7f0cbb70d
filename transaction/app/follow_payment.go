package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// look asks the provider what became of a payment and follows it. A provider that never heard of
// one is asked for it (again), under the same id.
func (a *App) look(ctx context.Context, p domain.Payment) (domain.Payment, ports.Action, error) {
	provider, known := a.Providers[p.Provider]
	if !known {
		return p, ports.Action{}, fmt.Errorf("payment %s: %w: %s", p.ID, domain.ErrProviderUnknown, p.Provider)
	}
	if p.Status == domain.PaymentCreated {
		// It is said to be processing before anybody asks for it: the request that stored it cannot
		// give it up any more, and if it did, nobody asks.
		taken := p
		taken.Status, taken.Cause = domain.PaymentProcessing, "carried on"
		var err error
		if p, err = a.record(ctx, p, taken, a.nextLook(p)); err != nil || !p.Status.Open() {
			return p, ports.Action{}, err
		}
	}
	charge, err := provider.Look(ctx, p)
	switch {
	case errors.Is(err, ports.ErrNotKnown) && p.Status.Open() && !a.expired(p):
		charge, err = provider.Start(ctx, p)
	case errors.Is(err, ports.ErrNotKnown) && a.expired(p):
		charge, err = ports.Charge{Status: domain.PaymentCanceled, Amount: p.Amount}, nil
	case err == nil && charge.Status == domain.PaymentRequiresAction && !charge.Approved &&
		p.Status == domain.PaymentRequiresAction && a.expired(p): // nobody is capturing it
		known := p
		known.ProviderRef = charge.ProviderRef
		charge, err = provider.Cancel(ctx, known)
	}
	p, err = a.follow(ctx, way{p.Provider, provider}, p, charge, err)
	return p, charge.Action, err
}

// expired reports whether a payer has been waited for long enough. Money that goes out waits for
// nobody, and is not given up while its outcome is unknown.
func (a *App) expired(p domain.Payment) bool {
	return p.Kind == domain.PaymentTopUp && p.Status.Open() && a.Now().Sub(p.CreatedAt) > a.PaymentTTL
}

// follow takes a payment from its stored status to what its provider says, and returns it as it
// is stored then. No answer is no failure: the outcome is open, and asked about again.
//
// An error says that the answer could not be stored, or does not fit: the payment stays as it is.
func (a *App) follow(ctx context.Context, w way, p domain.Payment, c ports.Charge, answer error) (domain.Payment, error) {
	switch {
	case errors.Is(answer, ports.ErrNothingDone):
		return a.record(ctx, p, p, a.nextLook(p))
	case answer != nil:
		return a.keepOpen(ctx, p)
	case !keepable(c.ProviderRef, c.FailureCode):
		q, err := a.keepOpen(ctx, p)
		return q, errors.Join(err, fmt.Errorf("payment %s: %w: %s says what cannot be kept", p.ID, domain.ErrProviderMismatch, w.name))
	case !p.Wants(c.Amount):
		q, err := a.keepOpen(ctx, p)
		return q, errors.Join(err, fmt.Errorf("payment %s of %s: %w: %s speaks of %s", p.ID, p.Amount, domain.ErrProviderMismatch, w.name, c.Amount))
	case c.Approved && p.Kind == domain.PaymentTopUp && p.Status.Open():
		return a.capture(ctx, w, p, c)
	case p.Status.Settled():
		return p, a.followSettled(ctx, p, c)
	case !p.Status.CanBecome(c.Status):
		_, err := a.record(ctx, p, p, 0)
		return p, errors.Join(err, fmt.Errorf("payment %s: %w: %s moves it from %s to %s", p.ID, domain.ErrProviderMismatch, w.name, p.Status, c.Status))
	case c.Status == domain.PaymentSucceeded:
		return a.settle(ctx, p, c)
	}
	q := p
	q.Status, q.ProviderRef, q.FailureCode, q.Cause = c.Status, c.ProviderRef, c.FailureCode, "provider"
	if !q.Status.Open() {
		return a.record(ctx, p, q, 0)
	}
	return a.record(ctx, p, q, a.nextLook(q))
}

// keepOpen leaves the outcome open, and asks again later.
func (a *App) keepOpen(ctx context.Context, p domain.Payment) (domain.Payment, error) {
	q := p
	if p.Status == domain.PaymentCreated {
		q.Status, q.Cause = domain.PaymentProcessing, "no answer"
	}
	return a.record(ctx, p, q, a.nextLook(p))
}

// record stores q in the place of p, unless somebody else moved it on meanwhile, and returns what
// is stored.
func (a *App) record(ctx context.Context, p, q domain.Payment, next time.Duration) (domain.Payment, error) {
	if _, err := a.Payments.Record(ctx, p.Status, q, next); err != nil {
		return p, err
	}
	return a.Payments.Find(ctx, p.Owner, p.Kind, p.ID)
}

// capture takes what the payer approved. It is said to be processing first, so that nobody gives
// it up meanwhile.
func (a *App) capture(ctx context.Context, w way, p domain.Payment, c ports.Charge) (domain.Payment, error) {
	q := p
	q.Status, q.ProviderRef, q.Cause = domain.PaymentProcessing, c.ProviderRef, "payer approved"
	q, err := a.record(ctx, p, q, a.nextLook(q))
	if err != nil || q.Status != domain.PaymentProcessing {
		return q, err
	}
	taken, answer := w.Capture(ctx, q)
	taken.Approved = false // once
	return a.follow(ctx, w, q, taken, answer)
}

// settle writes the money and the status that says so in one commit, once.
func (a *App) settle(ctx context.Context, p domain.Payment, c ports.Charge) (domain.Payment, error) {
	if c.ProviderRef != p.ProviderRef {
		q := p
		q.ProviderRef = c.ProviderRef
		if _, err := a.Payments.Record(ctx, p.Status, q, a.nextLook(p)); err != nil {
			return p, err
		}
	}
	accounts, err := a.Ledger.Accounts(ctx, p.Provider, p.Amount.Currency)
	if err != nil {
		return p, err
	}
	_, err = a.Postings.Post(ctx, p.Settlement(domain.TransferID(a.NewID()), domain.TransferID(a.NewID()), accounts))
	if err != nil {
		return p, err
	}
	q, err := a.Payments.Find(ctx, p.Owner, p.Kind, p.ID)
	if err == nil && len(c.Disputes) > 0 {
		err = a.followSettled(ctx, q, c)
	}
	return q, err
}

// nextLook is how long a payment is left alone before its provider is asked again: twice its
// age, so that one that takes long is asked about less and less often, between LookAfter and
// LookWithin. What only its payer can move on may be left alone longer.
func (a *App) nextLook(p domain.Payment) time.Duration {
	most := a.LookWithin
	if p.Status == domain.PaymentRequiresAction {
		most *= 10
	}
	return min(max(2*a.Now().Sub(p.CreatedAt), a.LookAfter), most)
}
