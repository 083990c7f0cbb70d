package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/database"
)

// Inbox implements ports.Inbox with the table inbox.
type Inbox struct{ db *sqlx.DB }

// NewInbox notes events in db.
func NewInbox(db *sqlx.DB) *Inbox { return &Inbox{db} }

const noteEventSQL = `INSERT INTO auth.inbox (event_id, type) VALUES ($1, $2) ON CONFLICT DO NOTHING`

// Once runs effect and notes the event in one commit. Of two that come at once the second waits
// for the first.
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
	if err != nil {
		return fmt.Errorf("note event: %w", err)
	}
	return nil
}

// effects implements ports.Effects in one transaction.
type effects struct{ tx *sqlx.Tx }

const promiseSQL = `INSERT INTO auth.letter (event_id, user_id, kind, details, due_at) VALUES ($1, $2, $3, $4, clock_timestamp())
	ON CONFLICT ON CONSTRAINT letter_once DO NOTHING`

func (e effects) Promise(ctx context.Context, p ports.Promise) error {
	details, err := json.Marshal(p.Details)
	if err != nil {
		return err
	}
	_, err = e.tx.ExecContext(ctx, promiseSQL, p.EventID, p.UserID, p.Kind, details)
	return err
}

const forgetEventsSQL = `DELETE FROM auth.inbox WHERE handled_at < clock_timestamp() - $1 * interval '1 second'`

// Forget drops the notes of events that were handled longer than age ago: no queue keeps one so long.
func (b *Inbox) Forget(ctx context.Context, age time.Duration) error {
	if _, err := b.db.ExecContext(ctx, forgetEventsSQL, age.Seconds()); err != nil {
		return fmt.Errorf("forget events: %w", err)
	}
	return nil
}
