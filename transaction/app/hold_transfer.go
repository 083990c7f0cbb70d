package app

import (
	"context"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// HoldTransfer is the first phase of a transfer: the money is held, and captured or voided later,
// or let go after HoldTTL. Errors: as Transfer, domain.ErrWalletBlocked.
func (a *App) HoldTransfer(ctx context.Context, c TransferCommand) (domain.HoldReceipt, error) {
	to := c.To
	if c.ToEmail != "" {
		var err error
		if to, err = a.recipient(ctx, c.ToEmail, c.Amount.Currency); err != nil {
			return domain.HoldReceipt{}, err
		}
	}
	h, err := domain.NewHold(domain.Order{
		ID: domain.TransferID(a.NewID()), Caller: c.Caller, From: c.From, To: to, Amount: c.Amount, Description: c.Description,
	}, a.Now().Add(a.HoldTTL))
	if err != nil {
		return domain.HoldReceipt{}, err
	}
	h, replayed, err := a.Holds.Place(ctx, h, c.Key)
	if err != nil {
		return domain.HoldReceipt{}, err
	}
	r, err := a.holdReceipt(ctx, h)
	r.Replayed = replayed
	return r, err
}

// ReadHold returns a hold to one of its two sides. Errors: domain.ErrTransferNotFound, also for
// everybody else.
func (a *App) ReadHold(ctx context.Context, caller domain.Caller, id domain.HoldID) (domain.HoldReceipt, error) {
	h, err := a.Holds.Find(ctx, id)
	if err != nil {
		return domain.HoldReceipt{}, err
	}
	if !h.VisibleTo(caller) {
		return domain.HoldReceipt{}, domain.ErrTransferNotFound
	}
	return a.holdReceipt(ctx, h)
}

// CaptureHold posts what is held, whole (nil) or in part, and lets the rest go.
// Errors: as domain.Hold.Capture, domain.ErrKeyReused and what the ledger refuses.
func (a *App) CaptureHold(ctx context.Context, caller domain.Caller, id domain.HoldID, amount *money.Money, key domain.Key) (domain.Receipt, error) {
	// A repeated request gets its first answer: by now the hold has ended.
	earlier, err := a.Transfers.ByKey(ctx, caller.ID, key)
	if err != nil {
		return domain.Receipt{}, err
	}
	if earlier != "" {
		return a.replay(ctx, caller, earlier)
	}
	h, err := a.Holds.Find(ctx, id)
	if err != nil {
		return domain.Receipt{}, err
	}
	p, err := h.Capture(caller, amount, key)
	if err != nil {
		return domain.Receipt{}, err
	}
	posted, err := a.Postings.Post(ctx, p)
	if err != nil {
		return domain.Receipt{}, err
	}
	r, err := a.ReadTransfer(ctx, caller, posted.Transfer)
	r.Replayed = posted.Replayed
	return r, err
}

// VoidHold lets a hold go; doing so twice is doing it once. Either side may: the payer takes the
// promise back, the receiver gives it up.
// Errors: domain.ErrTransferNotFound, domain.ErrHoldEnded when it was captured before.
func (a *App) VoidHold(ctx context.Context, caller domain.Caller, id domain.HoldID) (domain.HoldReceipt, error) {
	if _, err := a.ReadHold(ctx, caller, id); err != nil {
		return domain.HoldReceipt{}, err
	}
	h, err := a.Holds.Void(ctx, id)
	if err != nil {
		return domain.HoldReceipt{}, err
	}
	if h.Status == domain.HoldCaptured {
		return domain.HoldReceipt{}, domain.ErrHoldEnded
	}
	return a.holdReceipt(ctx, h)
}

func (a *App) holdReceipt(ctx context.Context, h domain.Hold) (domain.HoldReceipt, error) {
	available, err := a.Holds.Available(ctx, h.From)
	return domain.HoldReceipt{Hold: h, Available: money.Money{Amount: available, Currency: h.Amount.Currency}}, err
}
