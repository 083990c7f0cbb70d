package app

import (
	"context"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// ReadHistory returns a page of entries, newest first, and the place to go on from (nil: that
// was all). Errors: domain.ErrWalletNotFound.
func (a *App) ReadHistory(ctx context.Context, q ports.EntryQuery) ([]domain.Entry, *ports.EntryPosition, error) {
	if q.Wallet != "" {
		if _, err := a.Wallets.Find(ctx, q.Owner, q.Wallet); err != nil {
			return nil, nil, err
		}
	}
	limit := q.Limit
	q.Limit++ // one more tells whether there is more
	entries, err := a.History.Entries(ctx, q)
	if err != nil || len(entries) <= limit {
		return entries, nil, err
	}
	last := entries[limit-1]
	return entries[:limit], &ports.EntryPosition{At: last.CreatedAt, Wallet: last.Wallet, Seq: last.Seq}, nil
}

// statementPage is how many entries a statement reads at a time, so that one of any length
// takes little memory and holds no database transaction open.
const statementPage = 500

// Statement is what happened in a wallet over a period.
type Statement struct {
	Wallet  domain.Wallet
	Period  domain.Period // both ends set
	Opening money.Money
	history ports.History
}

// OpenStatement begins a statement; an open period runs from the wallet's beginning until now.
// Errors: domain.ErrWalletNotFound, domain.Invalid.
func (a *App) OpenStatement(ctx context.Context, owner domain.OwnerID, id domain.WalletID, p domain.Period) (*Statement, error) {
	w, err := a.Wallets.Find(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	if p.From.IsZero() {
		p.From = w.CreatedAt
	}
	if now := a.Now(); p.To.IsZero() || p.To.After(now) {
		p.To = now
	}
	if p, err = domain.NewPeriod(p.From, p.To); err != nil {
		return nil, err
	}
	opening, err := a.History.BalanceAt(ctx, id, p.From, false)
	return &Statement{
		Wallet: w, Period: p, Opening: money.Money{Amount: opening, Currency: w.Balance.Currency}, history: a.History,
	}, err
}

// Each calls do with each entry, oldest first, and returns the closing balance: the opening
// one and all entries together.
func (s *Statement) Each(ctx context.Context, do func(domain.Entry) error) (money.Money, error) {
	closing, period, after := s.Opening, s.Period, int64(0)
	for {
		page, err := s.history.Forward(ctx, s.Wallet.ID, period, after, statementPage)
		if err != nil {
			return money.Money{}, err
		}
		for _, e := range page {
			if err := do(e); err != nil {
				return money.Money{}, err
			}
			closing, after, period.From = e.BalanceAfter, e.Seq, e.CreatedAt
		}
		if len(page) < statementPage {
			return closing, nil
		}
	}
}
