package app

import (
	"context"
	"errors"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// PaymentReceipt answers who asked for a payment: where it stands and, once the money moved, the
// balance after it.
type PaymentReceipt struct {
	domain.Payment
	Balance  *money.Money
	Action   ports.Action // what the payer has to do; not stored, so not always known
	Replayed bool
}

// pay takes a new payment through the first of the named providers that can be used. The intent
// is stored before the provider is asked, the provider is asked with no database transaction
// open, and money and status are written together; whatever breaks in between is taken up by
// SettlePayments. A provider that surely did nothing makes way for the next.
//
// Errors: ProviderUnavailableError when none can be used, domain.ErrProviderUnknown,
// domain.ErrKeyReused, domain.ErrKeyInProgress, and what Payments.Add refuses.
func (a *App) pay(ctx context.Context, p domain.Payment, providers []string, key domain.Key) (PaymentReceipt, error) {
	all, err := a.ways(providers)
	if err != nil {
		return PaymentReceipt{}, err
	}
	ways := open(all)
	if len(ways) == 0 {
		// Who asks again about what was done gets the first answer, whoever is away.
		if earlier, found, err := a.Payments.ByKey(ctx, p.Owner, key); err != nil || found {
			return a.repeat(ctx, earlier, err)
		}
		return PaymentReceipt{}, unavailable(all)
	}
	if p, err = p.Via(ways[0].name, ways[0].Fees); err != nil {
		return PaymentReceipt{}, err
	}
	p, replayed, err := a.Payments.Add(ctx, p, key, a.PaymentPatience)
	if err != nil || replayed {
		return a.repeat(ctx, p, err)
	}
	return a.start(context.WithoutCancel(ctx), p, key, ways) // a payment outlives the client that asked for it
}

// start asks one provider after the other until one may have done something.
func (a *App) start(ctx context.Context, p domain.Payment, key domain.Key, ways []way) (PaymentReceipt, error) {
	for _, w := range ways {
		if p.Provider != w.name {
			q, err := p.Via(w.name, w.Fees)
			if err != nil {
				continue // its fee does not fit; perhaps the next one's does
			}
			err = a.Payments.Reroute(ctx, q)
			var refusal domain.Refusal
			if errors.As(err, &refusal) {
				continue
			}
			if err != nil {
				return PaymentReceipt{}, err
			}
			p = q
		}
		charge, err := w.Start(ctx, p)
		if errors.Is(err, ports.ErrNothingDone) {
			continue
		}
		p, err = a.follow(ctx, w, p, charge, err)
		return a.receipt(ctx, p, charge.Action, err)
	}
	abandoned, err := a.Payments.Abandon(ctx, p, key, "no provider could be reached")
	switch {
	case err != nil:
		return PaymentReceipt{}, err
	case abandoned:
		return PaymentReceipt{}, unavailable(ways)
	}
	p, err = a.Payments.Find(ctx, p.Owner, p.Kind, p.ID) // somebody carried it on meanwhile
	return a.receipt(ctx, p, ports.Action{}, err)
}

// repeat answers a request that was made before. What its payer has to do is not stored; the
// provider is asked for it.
func (a *App) repeat(ctx context.Context, p domain.Payment, err error) (PaymentReceipt, error) {
	if err != nil {
		return PaymentReceipt{}, err
	}
	if p.Status == domain.PaymentCreated && a.Now().Sub(p.UpdatedAt) < a.PaymentPatience {
		return PaymentReceipt{}, domain.ErrKeyInProgress
	}
	var action ports.Action
	if p.Status == domain.PaymentCreated || p.Status == domain.PaymentRequiresAction {
		p, action, err = a.look(context.WithoutCancel(ctx), p)
	}
	r, err := a.receipt(ctx, p, action, err)
	r.Replayed = true
	return r, err
}

// receipt is the answer about p, or err. What a provider says that does not fit is not the
// caller's trouble: the payment stays open, and SettlePayments names it whenever it looks.
func (a *App) receipt(ctx context.Context, p domain.Payment, action ports.Action, err error) (PaymentReceipt, error) {
	if errors.Is(err, domain.ErrProviderMismatch) {
		err = nil
	}
	if err != nil {
		return PaymentReceipt{}, err
	}
	r := PaymentReceipt{Payment: p}
	if p.Status == domain.PaymentRequiresAction {
		r.Action = action
	}
	if !p.Status.Settled() {
		return r, nil
	}
	t, err := a.Transfers.Find(ctx, p.Transfer)
	if err != nil {
		return r, err
	}
	balance, err := a.Transfers.BalanceAfter(ctx, t, p.Wallet)
	balance.Amount -= p.Fee.Amount // its entry is the next one, of the same commit
	r.Balance = &balance
	return r, err
}
