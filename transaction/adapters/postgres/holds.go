package postgres

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// Holds keeps money for transfers, through place_hold and release_hold (migrations/00005);
// capturing is post_group's.
type Holds struct{ db *sqlx.DB }

// NewHolds keeps holds in db.
func NewHolds(db *sqlx.DB) *Holds { return &Holds{db: db} }

const findHoldSQL = `SELECT h.id, coalesce(f.owner_id::text, '') AS owner_id, coalesce(t.owner_id::text, '') AS to_owner,
		h.account_id, h.to_account, h.amount, h.currency, h.description, h.status, h.captured, h.expires_at, h.created_at
	FROM hold h JOIN account f ON f.id = h.account_id JOIN account t ON t.id = h.to_account WHERE h.id = $1`

type holdRow struct {
	ID          domain.HoldID     `db:"id"`
	Owner       domain.OwnerID    `db:"owner_id"`
	ToOwner     domain.OwnerID    `db:"to_owner"`
	From        domain.WalletID   `db:"account_id"`
	To          domain.WalletID   `db:"to_account"`
	Amount      int64             `db:"amount"`
	Currency    money.Currency    `db:"currency"`
	Description string            `db:"description"`
	Status      domain.HoldStatus `db:"status"`
	Captured    int64             `db:"captured"`
	ExpiresAt   sql.NullTime      `db:"expires_at"`
	CreatedAt   time.Time         `db:"created_at"`
}

func (r holdRow) hold() domain.Hold {
	h := domain.Hold{
		ID: r.ID, Owner: r.Owner, ToOwner: r.ToOwner, From: r.From, To: r.To, Amount: money.Money{Amount: r.Amount, Currency: r.Currency},
		Description: r.Description, Status: r.Status, Captured: r.Captured, CreatedAt: r.CreatedAt.UTC(),
	}
	if r.ExpiresAt.Valid {
		h.ExpiresAt = r.ExpiresAt.Time.UTC()
	}
	return h
}

// Place implements ports.Holds.
func (s *Holds) Place(ctx context.Context, h domain.Hold, key domain.Key) (domain.Hold, bool, error) {
	var row holdRow
	replayed := false
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		earlier, err := useKey(ctx, tx, h.Owner, key, "hold", string(h.ID))
		if err != nil {
			return err
		}
		id := h.ID
		if replayed = earlier != ""; replayed {
			id = domain.HoldID(earlier)
		} else if err := verdict(ctx, tx, placeHoldSQL, h.ID, h.Owner, h.From, h.To, h.Amount.Amount, h.Amount.Currency,
			h.Description, timeOrNull(h.ExpiresAt), false); err != nil {
			return err
		}
		return one(ctx, tx, "find hold", domain.ErrTransferNotFound, &row, findHoldSQL, id)
	})
	if err != nil {
		return domain.Hold{}, false, fault("place hold", err)
	}
	return row.hold(), replayed, nil
}

// Find implements ports.Holds.
func (s *Holds) Find(ctx context.Context, id domain.HoldID) (domain.Hold, error) {
	var r holdRow
	err := one(ctx, s.db, "find hold", domain.ErrTransferNotFound, &r, findHoldSQL, id)
	return r.hold(), err
}

const availableSQL = `SELECT balance - held FROM account WHERE id = $1`

// Available implements ports.Holds.
func (s *Holds) Available(ctx context.Context, wallet domain.WalletID) (int64, error) {
	var available int64
	err := one(ctx, s.db, "find available balance", domain.ErrWalletNotFound, &available, availableSQL, wallet)
	return available, err
}

// Void implements ports.Holds.
func (s *Holds) Void(ctx context.Context, id domain.HoldID) (domain.Hold, error) {
	if _, err := s.db.ExecContext(ctx, releaseHoldSQL, id, domain.HoldVoided); err != nil {
		return domain.Hold{}, fault("void hold", err)
	}
	return s.Find(ctx, id)
}

const expiredHoldsSQL = `SELECT id FROM hold WHERE status = 'pending' AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1`

// Expire implements ports.Holds, each hold in a commit of its own: their accounts are locked one
// at a time.
func (s *Holds) Expire(ctx context.Context, limit int) (int, error) {
	var ids []domain.HoldID
	if err := s.db.SelectContext(ctx, &ids, expiredHoldsSQL, limit); err != nil {
		return 0, fault("find expired holds", err)
	}
	for n, id := range ids {
		if _, err := s.db.ExecContext(ctx, releaseHoldSQL, id, domain.HoldExpired); err != nil {
			return n, fault("expire hold", err)
		}
	}
	return len(ids), nil
}
