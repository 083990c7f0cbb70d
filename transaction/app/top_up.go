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

// PaymentReceipt answers who topped up: the payment and, once it succeeded, the balance after it.
type PaymentReceipt struct {
	domain.Payment
	Balance  *money.Money
	Replayed bool
}

// TopUp brings money in. The intent is stored first, then the provider is asked with no
// database transaction open, then money and status are written together; whatever breaks in
// between is taken up by SettlePayments. While the outcome is open the status is not final.
//
// Errors: domain.Invalid, domain.ErrProviderUnknown, domain.ErrWalletNotFound,
// domain.ErrWalletNotActive, domain.ErrCurrencyMismatch, domain.ErrKeyReused,
// domain.ErrKeyInProgress.
func (a *App) TopUp(ctx context.Context, c TopUpCommand) (PaymentReceipt, error) {
	provider, known := a.Providers[c.Provider]
	if !known {
		return PaymentReceipt{}, domain.ErrProviderUnknown
	}
	t, err := domain.NewTopUp(domain.PaymentID(a.NewID()), c.Owner, c.Wallet, c.Provider, c.Amount)
	if err != nil {
		return PaymentReceipt{}, err
	}
	t, replayed, err := a.Payments.Add(ctx, t, c.Key)
	switch {
	case err != nil:
		return PaymentReceipt{}, err
	case replayed && t.Status == domain.PaymentCreated && a.Now().Sub(t.UpdatedAt) < a.PaymentPatience:
		return PaymentReceipt{}, domain.ErrKeyInProgress
	case !replayed || t.Status == domain.PaymentCreated:
		// A payment outlives the client that asked for it.
		if t, err = a.carryOn(context.WithoutCancel(ctx), t, provider.Start); err != nil {
			return PaymentReceipt{}, err
		}
	}
	r, err := a.paymentReceipt(ctx, t)
	r.Replayed = replayed
	return r, err
}

// ReadTopUp returns an owner's top-up. Errors: domain.ErrPaymentNotFound.
func (a *App) ReadTopUp(ctx context.Context, owner domain.OwnerID, id domain.PaymentID) (PaymentReceipt, error) {
	t, err := a.Payments.Find(ctx, owner, id)
	if err != nil {
		return PaymentReceipt{}, err
	}
	return a.paymentReceipt(ctx, t)
}

func (a *App) paymentReceipt(ctx context.Context, t domain.Payment) (PaymentReceipt, error) {
	r := PaymentReceipt{Payment: t}
	if t.Status != domain.PaymentSucceeded {
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

// SettlePayments asks the providers about up to limit pending top-ups that were left alone for
// PaymentPatience, and credits or ends those whose outcome they know. It returns how many it
// looked at.
func (a *App) SettlePayments(ctx context.Context, limit int) (int, error) {
	pending, err := a.Payments.Claim(ctx, a.Now().Add(-a.PaymentPatience), limit)
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
		if t.Status == domain.PaymentCreated { // the provider may never have heard of it
			ask = provider.Start
		}
		if _, err := a.carryOn(ctx, t, ask); err != nil {
			faults = append(faults, err)
		}
	}
	return len(pending), errors.Join(faults...)
}
