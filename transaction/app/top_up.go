package app

import (
	"context"
	"errors"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// TopUpCommand asks for money from a payment provider.
type TopUpCommand struct {
	Owner    domain.OwnerID
	Wallet   domain.WalletID
	Amount   money.Money
	Provider string
	Key      domain.Key
}

// TopUpReceipt answers who topped up: the payment and, once it succeeded, the balance after it.
type TopUpReceipt struct {
	domain.TopUp
	Balance  *money.Money
	Replayed bool
}

// TopUp brings money in. The intent is stored first, then the provider is asked with no
// database transaction open, then money and status are written together; whatever breaks in
// between is taken up by SettleTopUps. While the outcome is open the status is not final.
//
// Errors: domain.Invalid, domain.ErrProviderUnknown, domain.ErrWalletNotFound,
// domain.ErrWalletNotActive, domain.ErrCurrencyMismatch, domain.ErrKeyReused,
// domain.ErrKeyInProgress.
func (a *App) TopUp(ctx context.Context, c TopUpCommand) (TopUpReceipt, error) {
	provider, known := a.Providers[c.Provider]
	if !known {
		return TopUpReceipt{}, domain.ErrProviderUnknown
	}
	t, err := domain.NewTopUp(domain.TopUpID(a.NewID()), c.Owner, c.Wallet, c.Provider, c.Amount)
	if err != nil {
		return TopUpReceipt{}, err
	}
	t, replayed, err := a.TopUps.Add(ctx, t, c.Key)
	switch {
	case err != nil:
		return TopUpReceipt{}, err
	case replayed && t.Status == domain.TopUpCreated && a.Now().Sub(t.UpdatedAt) < a.TopUpPatience:
		return TopUpReceipt{}, domain.ErrKeyInProgress
	case !replayed || t.Status == domain.TopUpCreated:
		// A payment outlives the client that asked for it.
		if t, err = a.carryOn(context.WithoutCancel(ctx), t, provider.Start); err != nil {
			return TopUpReceipt{}, err
		}
	}
	r, err := a.topUpReceipt(ctx, t)
	r.Replayed = replayed
	return r, err
}

// ReadTopUp returns an owner's top-up. Errors: domain.ErrTopUpNotFound.
func (a *App) ReadTopUp(ctx context.Context, owner domain.OwnerID, id domain.TopUpID) (TopUpReceipt, error) {
	t, err := a.TopUps.Find(ctx, owner, id)
	if err != nil {
		return TopUpReceipt{}, err
	}
	return a.topUpReceipt(ctx, t)
}

func (a *App) topUpReceipt(ctx context.Context, t domain.TopUp) (TopUpReceipt, error) {
	r := TopUpReceipt{TopUp: t}
	if t.Status != domain.TopUpSucceeded {
		return r, nil
	}
	transfer, err := a.Transfers.Find(ctx, t.Transfer)
	if err != nil {
		return r, err
	}
	balance, err := a.Transfers.BalanceAfter(ctx, transfer, t.Wallet)
	r.Balance = &balance
	return r, err
}

// SettleTopUps asks the providers about up to limit pending top-ups that were left alone for
// TopUpPatience, and credits or ends those whose outcome they know. It returns how many it
// looked at.
func (a *App) SettleTopUps(ctx context.Context, limit int) (int, error) {
	pending, err := a.TopUps.Claim(ctx, a.Now().Add(-a.TopUpPatience), limit)
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, t := range pending {
		provider, known := a.Providers[t.Provider]
		if !known {
			faults = append(faults, domain.ErrProviderUnknown)
			continue
		}
		ask := provider.Look
		if t.Status == domain.TopUpCreated { // the provider may never have heard of it
			ask = provider.Start
		}
		if _, err := a.carryOn(ctx, t, ask); err != nil {
			faults = append(faults, err)
		}
	}
	return len(pending), errors.Join(faults...)
}
