package app

import (
	"context"
	"time"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// OpenWallet gives the owner one more wallet.
// Errors: domain.Invalid, domain.ErrWalletLimit, domain.ErrOwnerClosed.
func (a *App) OpenWallet(ctx context.Context, owner domain.OwnerID, currency money.Currency, name string) (domain.Wallet, error) {
	w, err := domain.NewWallet(domain.WalletID(a.NewID()), owner, currency, name)
	if err != nil {
		return domain.Wallet{}, err
	}
	if err := a.Wallets.Add(ctx, w, a.WalletLimit); err != nil {
		return domain.Wallet{}, err
	}
	return a.Wallets.Find(ctx, owner, w.ID)
}

// ListWallets returns the owner's wallets, oldest first. Everybody has one from registration
// on: who is seen for the first time gets it now.
func (a *App) ListWallets(ctx context.Context, owner domain.OwnerID) ([]domain.Wallet, error) {
	ws, err := a.Wallets.All(ctx, owner)
	if err != nil || len(ws) > 0 {
		return ws, err
	}
	first, err := a.firstWallet(owner)
	if err != nil {
		return nil, err
	}
	if err := a.Wallets.AddDefault(ctx, first); err != nil {
		return nil, err
	}
	return a.Wallets.All(ctx, owner)
}

// WalletChange says what to change; nil leaves it.
type WalletChange struct {
	Name   *string
	Status *domain.Status
}

// ChangeWallet renames, freezes or unfreezes. Errors: domain.ErrWalletNotFound,
// domain.ErrWalletClosed, domain.Invalid.
func (a *App) ChangeWallet(ctx context.Context, owner domain.OwnerID, id domain.WalletID, c WalletChange) (domain.Wallet, error) {
	return a.Wallets.Change(ctx, owner, id, func(w *domain.Wallet, _ bool) error {
		if c.Name != nil {
			if err := w.Rename(*c.Name); err != nil {
				return err
			}
		}
		if c.Status != nil {
			return w.SetStatus(*c.Status)
		}
		return nil
	})
}

// CloseWallet ends a wallet's use; its history stays. Errors: domain.ErrWalletNotFound,
// domain.ErrWalletNotEmpty, domain.ErrPaymentsPending.
func (a *App) CloseWallet(ctx context.Context, owner domain.OwnerID, id domain.WalletID) (domain.Wallet, error) {
	return a.Wallets.Change(ctx, owner, id, func(w *domain.Wallet, pending bool) error {
		if pending {
			return domain.ErrPaymentsPending
		}
		return w.Close()
	})
}

// WalletBalance is a wallet's balance at a moment. What is held is known of now only.
type WalletBalance struct {
	Balance money.Money
	Held    *money.Money
	At      time.Time
}

// Balance returns a wallet's balance now (zero at) or as it was at a moment.
// Errors: domain.ErrWalletNotFound, domain.Invalid for the future.
func (a *App) Balance(ctx context.Context, owner domain.OwnerID, id domain.WalletID, at time.Time) (WalletBalance, error) {
	now := a.Now()
	w, err := a.Wallets.Find(ctx, owner, id)
	switch {
	case err != nil:
		return WalletBalance{}, err
	case at.IsZero():
		return WalletBalance{Balance: w.Balance, Held: &w.Held, At: now}, nil
	case at.After(now):
		return WalletBalance{}, domain.Invalid{{Field: "at", Code: "in_the_future", Detail: "must not be later than now"}}
	}
	amount, err := a.History.BalanceAt(ctx, id, at, true)
	return WalletBalance{Balance: money.Money{Amount: amount, Currency: w.Balance.Currency}, At: at}, err
}
