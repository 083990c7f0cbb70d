package app

import (
	"context"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// TopUpCommand asks for money from a payer.
type TopUpCommand struct {
	Owner     domain.OwnerID
	Wallet    domain.WalletID
	Amount    money.Money
	Providers []string // in the order in which they are tried
	Key       domain.Key
}

// TopUp brings money in. Errors: domain.Invalid, domain.ErrFeeExceedsAmount and those of pay.
func (a *App) TopUp(ctx context.Context, c TopUpCommand) (PaymentReceipt, error) {
	p, err := domain.NewTopUp(domain.PaymentID(a.NewID()), c.Owner, c.Wallet, "", c.Amount)
	if err != nil {
		return PaymentReceipt{}, err
	}
	return a.pay(ctx, p, c.Providers, c.Key)
}

// ConfirmTopUp is called when the payer comes back from the provider: it asks there now, and takes
// what the payer approved, instead of waiting until the provider tells or is asked anyway.
// Errors: domain.ErrPaymentNotFound.
func (a *App) ConfirmTopUp(ctx context.Context, owner domain.OwnerID, id domain.PaymentID) (PaymentReceipt, error) {
	p, err := a.Payments.Find(ctx, owner, domain.PaymentTopUp, id)
	if err != nil {
		return PaymentReceipt{}, err
	}
	var action ports.Action
	if p.Status.Open() {
		p, action, err = a.look(context.WithoutCancel(ctx), p)
	}
	return a.receipt(ctx, p, action, err)
}

// ReadPayment returns an owner's payment of a kind. Errors: domain.ErrPaymentNotFound.
func (a *App) ReadPayment(ctx context.Context, owner domain.OwnerID, kind domain.PaymentKind, id domain.PaymentID) (PaymentReceipt, error) {
	p, err := a.Payments.Find(ctx, owner, kind, id)
	return a.receipt(ctx, p, ports.Action{}, err)
}
