package app

import (
	"context"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// RefundCommand asks to give a top-up back.
type RefundCommand struct {
	Owner  domain.OwnerID
	TopUp  domain.PaymentID
	Amount *money.Money // nil: all that is left
	Key    domain.Key
}

// Refund sends a top-up back to its payer, whole or in part. The wallet must have the money: it is
// held first and leaves when the provider has paid it back.
// Errors: as domain.Payment.Refund, domain.ErrInsufficientFunds and those of pay.
func (a *App) Refund(ctx context.Context, c RefundCommand) (PaymentReceipt, error) {
	// A repeated request gets its first answer: by now nothing may be left to give back.
	earlier, found, err := a.Payments.ByKey(ctx, c.Owner, c.Key)
	if err != nil || found {
		return a.repeat(ctx, earlier, err)
	}
	top, err := a.Payments.Find(ctx, c.Owner, domain.PaymentTopUp, c.TopUp)
	if err != nil {
		return PaymentReceipt{}, err
	}
	r, err := top.Refund(domain.PaymentID(a.NewID()), c.Amount)
	if err != nil {
		return PaymentReceipt{}, err
	}
	return a.pay(ctx, r, []string{top.Provider}, c.Key)
}
