package app

import (
	"context"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// WithdrawCommand asks to pay out of a wallet.
type WithdrawCommand struct {
	Owner       domain.OwnerID
	Wallet      domain.WalletID
	Amount      money.Money
	Providers   []string // in the order in which they are tried
	Destination string   // as the provider names who gets it
	Key         domain.Key
}

// Withdraw sends money out. It is held first, with the fee, and leaves the wallet when the
// provider has paid; when the provider refuses, it is let go.
// Errors: domain.Invalid, domain.ErrInsufficientFunds, domain.ErrWalletBlocked and those of pay.
func (a *App) Withdraw(ctx context.Context, c WithdrawCommand) (PaymentReceipt, error) {
	p, err := domain.NewWithdrawal(domain.PaymentID(a.NewID()), c.Owner, c.Wallet, "", c.Amount, c.Destination)
	if err != nil {
		return PaymentReceipt{}, err
	}
	return a.pay(ctx, p, c.Providers, c.Key)
}
