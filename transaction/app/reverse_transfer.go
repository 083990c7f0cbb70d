package app

import (
	"context"

	"github.com/micropay/micropay/transaction/domain"
)

// ReverseTransfer sends a transfer back, whole or in part. Errors: as domain.Transfer.Reverse,
// domain.ErrKeyReused and what the ledger refuses.
func (a *App) ReverseTransfer(ctx context.Context, original domain.TransferID, o domain.ReversalOrder) (domain.Receipt, error) {
	// A repeated request gets its first answer: by now nothing may be left to send back.
	earlier, err := a.Transfers.ByKey(ctx, o.Caller.ID, o.Key)
	if err != nil {
		return domain.Receipt{}, err
	}
	if earlier != "" {
		return a.replay(ctx, o.Caller, earlier)
	}
	t, err := a.Transfers.Find(ctx, original)
	if err != nil {
		return domain.Receipt{}, err
	}
	o.ID = domain.TransferID(a.NewID())
	p, err := t.Reverse(o)
	if err != nil {
		return domain.Receipt{}, err
	}
	return a.post(ctx, p)
}
