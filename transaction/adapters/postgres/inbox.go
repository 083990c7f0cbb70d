package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Inbox implements ports.Inbox with the table inbox.
type Inbox struct{ db *sqlx.DB }

// NewInbox notes events in db.
func NewInbox(db *sqlx.DB) *Inbox { return &Inbox{db: db} }

const noteEventSQL = `INSERT INTO inbox (event_id, type) VALUES ($1, $2) ON CONFLICT DO NOTHING`

// Once implements ports.Inbox. Of two that come at once the second waits for the first.
func (b *Inbox) Once(ctx context.Context, id, kind string, effect func(context.Context, ports.Effects) error) error {
	err := database.InTx(ctx, b.db, nil, func(tx *sqlx.Tx) error {
		result, err := tx.ExecContext(ctx, noteEventSQL, id, kind)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return effect(ctx, effects{tx})
	})
	return fault("note event", err)
}

// effects implements ports.Effects in one transaction.
type effects struct{ tx *sqlx.Tx }

func (e effects) AddDefault(ctx context.Context, w domain.Wallet) error {
	return addDefault(ctx, e.tx, w)
}

func (e effects) CloseOwner(ctx context.Context, owner domain.OwnerID) error {
	return closeOwner(ctx, e.tx, owner)
}

func (e effects) Revoke(ctx context.Context, r ports.Revocation) error { return revoke(ctx, e.tx, r) }

const forgetEventsSQL = `DELETE FROM inbox WHERE handled_at < clock_timestamp() - $1 * interval '1 second'`

// Forget drops the notes of events that were handled longer than age ago: no queue keeps one so long.
func (b *Inbox) Forget(ctx context.Context, age time.Duration) error {
	_, err := b.db.ExecContext(ctx, forgetEventsSQL, age.Seconds())
	return fault("forget events", err)
}
