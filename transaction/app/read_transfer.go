package app

import (
	"context"

	"github.com/micropay/micropay/transaction/domain"
)

// ReadTransfer returns a transfer to one of its two sides, with the balance of their wallet
// right after it. Errors: domain.ErrTransferNotFound, also for everybody else.
func (a *App) ReadTransfer(ctx context.Context, caller domain.Caller, id domain.TransferID) (domain.Receipt, error) {
	t, err := a.Transfers.Find(ctx, id)
	if err != nil {
		return domain.Receipt{}, err
	}
	if !t.VisibleTo(caller) {
		return domain.Receipt{}, domain.ErrTransferNotFound
	}
	wallet := t.From
	if caller.ID == t.ToOwner && caller.ID != t.FromOwner {
		wallet = t.To
	}
	balance, err := a.Transfers.BalanceAfter(ctx, t, wallet)
	return domain.Receipt{Transfer: t, Balance: balance}, err
}
