package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

type askProvider func(context.Context, domain.Payment) (ports.Charge, error)

// carryOn takes a top-up from its stored status to what the provider says. An unknown outcome
// is no failure: the top-up stays processing until somebody knows.
func (a *App) carryOn(ctx context.Context, t domain.Payment, ask askProvider) (domain.Payment, error) {
	charge, err := ask(ctx, t)
	if err != nil {
		charge = ports.Charge{Status: domain.PaymentProcessing, ProviderRef: t.ProviderRef}
	}
	if !t.Status.CanBecome(charge.Status) {
		return t, fmt.Errorf("top-up %s: provider %s moves it from %s to %s", t.ID, t.Provider, t.Status, charge.Status)
	}
	if charge.Status == domain.PaymentSucceeded {
		return a.credit(ctx, t)
	}
	t.Status, t.ProviderRef, t.FailureCode = charge.Status, charge.ProviderRef, charge.FailureCode
	if err := a.Payments.Record(ctx, t); err != nil {
		return t, err
	}
	return a.Payments.Find(ctx, t.Owner, t.ID)
}

// credit writes the money and the status that says so in one commit, once.
func (a *App) credit(ctx context.Context, t domain.Payment) (domain.Payment, error) {
	account, err := a.Ledger.ProviderAccount(ctx, t.Provider, t.Amount.Currency)
	if err != nil {
		return t, err
	}
	if _, err := a.Postings.Post(ctx, t.Settlement(domain.TransferID(a.NewID()), "", domain.Accounts{Provider: account})); err != nil {
		return t, err
	}
	return a.Payments.Find(ctx, t.Owner, t.ID)
}
