package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// Wallets stores wallets in the table account.
type Wallets struct{ db *sqlx.DB }

// NewWallets keeps wallets in db.
func NewWallets(db *sqlx.DB) *Wallets { return &Wallets{db: db} }

const walletColumns = `id, owner_id, currency, name, status, balance, held, created_at`

type walletRow struct {
	ID        domain.WalletID `db:"id"`
	Owner     domain.OwnerID  `db:"owner_id"`
	Currency  money.Currency  `db:"currency"`
	Name      string          `db:"name"`
	Status    domain.Status   `db:"status"`
	Balance   int64           `db:"balance"`
	Held      int64           `db:"held"`
	CreatedAt time.Time       `db:"created_at"`
}

func (r walletRow) wallet() domain.Wallet {
	return domain.Wallet{
		ID: r.ID, Owner: r.Owner, Name: r.Name, Status: r.Status, CreatedAt: r.CreatedAt.UTC(),
		Balance: money.Money{Amount: r.Balance, Currency: r.Currency},
		Held:    money.Money{Amount: r.Held, Currency: r.Currency},
	}
}

const (
	addOwnerSQL  = `INSERT INTO owner (id) VALUES ($1) ON CONFLICT DO NOTHING`
	lockOwnerSQL = `SELECT closed_at IS NOT NULL FROM owner WHERE id = $1 FOR UPDATE`
	openCountSQL = `SELECT count(*) FROM account WHERE owner_id = $1 AND kind = 'wallet' AND status <> 'closed'`
	addWalletSQL = `INSERT INTO account (id, kind, owner_id, currency, name, is_default) VALUES ($1, 'wallet', $2, $3, $4, $5)`
)

// Add implements ports.Wallets.
func (s *Wallets) Add(ctx context.Context, w domain.Wallet, limit int) error {
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		open, err := lockOwner(ctx, tx, w.Owner)
		if err != nil {
			return err
		}
		if open >= limit {
			return domain.ErrWalletLimit
		}
		_, err = tx.ExecContext(ctx, addWalletSQL, w.ID, w.Owner, w.Balance.Currency, w.Name, false)
		return err
	})
	return fault("add wallet", err)
}

// AddDefault implements ports.Wallets.
func (s *Wallets) AddDefault(ctx context.Context, w domain.Wallet) error {
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error { return addDefault(ctx, tx, w) })
	return fault("add default wallet", err)
}

func addDefault(ctx context.Context, tx *sqlx.Tx, w domain.Wallet) error {
	if _, err := lockOwner(ctx, tx, w.Owner); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, addWalletSQL+` ON CONFLICT (owner_id) WHERE is_default DO NOTHING`,
		w.ID, w.Owner, w.Balance.Currency, w.Name, true)
	return err
}

// lockOwner locks the owner's row until the transaction ends, so that their wallets are counted
// and added by one at a time, and tells how many are open.
func lockOwner(ctx context.Context, tx *sqlx.Tx, owner domain.OwnerID) (open int, err error) {
	if _, err := tx.ExecContext(ctx, addOwnerSQL, owner); err != nil {
		return 0, err
	}
	var closed bool
	if err := tx.GetContext(ctx, &closed, lockOwnerSQL, owner); err != nil {
		return 0, err
	}
	if closed {
		return 0, domain.ErrOwnerClosed
	}
	err = tx.GetContext(ctx, &open, openCountSQL, owner)
	return open, err
}

const allWalletsSQL = `SELECT ` + walletColumns + ` FROM account
	WHERE owner_id = $1 AND kind = 'wallet' ORDER BY created_at, id`

// All implements ports.Wallets.
func (s *Wallets) All(ctx context.Context, owner domain.OwnerID) ([]domain.Wallet, error) {
	var rows []walletRow
	if err := s.db.SelectContext(ctx, &rows, allWalletsSQL, owner); err != nil {
		return nil, fault("list wallets", err)
	}
	ws := make([]domain.Wallet, len(rows))
	for i, r := range rows {
		ws[i] = r.wallet()
	}
	return ws, nil
}

const findWalletSQL = `SELECT ` + walletColumns + ` FROM account WHERE id = $1 AND owner_id = $2`

// Find implements ports.Wallets.
func (s *Wallets) Find(ctx context.Context, owner domain.OwnerID, id domain.WalletID) (domain.Wallet, error) {
	var r walletRow
	err := one(ctx, s.db, "find wallet", domain.ErrWalletNotFound, &r, findWalletSQL, id, owner)
	return r.wallet(), err
}

const receivingSQL = `SELECT id FROM account
	WHERE owner_id = $1 AND kind = 'wallet' AND currency = $2 AND status <> 'closed'
	ORDER BY status = 'active' DESC, is_default DESC, created_at, id LIMIT 1`

// Receiving implements ports.Wallets.
func (s *Wallets) Receiving(ctx context.Context, owner domain.OwnerID, currency money.Currency) (domain.WalletID, error) {
	var id domain.WalletID
	err := one(ctx, s.db, "find receiving wallet", domain.ErrWalletNotFound, &id, receivingSQL, owner, currency)
	return id, err
}

const (
	pendingSQL = `SELECT EXISTS (SELECT FROM payment WHERE account_id = $1 AND status IN ('created', 'requires_action', 'processing'))
		OR EXISTS (SELECT FROM hold WHERE (account_id = $1 OR to_account = $1) AND status = 'pending')
		OR EXISTS (SELECT FROM dispute WHERE account_id = $1 AND ` + blocking + `)`
	saveWalletSQL = `UPDATE account SET name = $2, status = $3 WHERE id = $1`
)

// Change implements ports.Wallets.
func (s *Wallets) Change(ctx context.Context, owner domain.OwnerID, id domain.WalletID,
	change func(w *domain.Wallet, pending bool) error,
) (domain.Wallet, error) {
	var w domain.Wallet
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		var r walletRow
		if err := one(ctx, tx, "lock wallet", domain.ErrWalletNotFound, &r, findWalletSQL+` FOR UPDATE`, id, owner); err != nil {
			return err
		}
		var pending bool
		if err := tx.GetContext(ctx, &pending, pendingSQL, id); err != nil {
			return err
		}
		w = r.wallet()
		if err := change(&w, pending); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, saveWalletSQL, id, w.Name, w.Status)
		return err
	})
	return w, fault("change wallet", err)
}

const closeOwnerSQL = `UPDATE owner SET closed_at = clock_timestamp() WHERE id = $1`

// CloseOwner implements ports.Wallets.
func (s *Wallets) CloseOwner(ctx context.Context, owner domain.OwnerID) error {
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error { return closeOwner(ctx, tx, owner) })
	return fault("close owner", err)
}

func closeOwner(ctx context.Context, tx *sqlx.Tx, owner domain.OwnerID) error {
	open, err := lockOwner(ctx, tx, owner)
	switch {
	case errors.Is(err, domain.ErrOwnerClosed):
		return nil // leaving twice is leaving once
	case err != nil:
		return err
	case open > 0:
		return domain.ErrWalletsNotClosed
	}
	_, err = tx.ExecContext(ctx, closeOwnerSQL, owner)
	return err
}
