package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/ports"
)

// LetterBox implements ports.LetterBox with the table letter.
type LetterBox struct {
	db  *sqlx.DB
	log *slog.Logger
}

// NewLetterBox keeps letters in db. What is not sent is logged, by kind and never by address.
func NewLetterBox(db *sqlx.DB, log *slog.Logger) *LetterBox { return &LetterBox{db, log} }

const (
	claimLetterSQL = `UPDATE auth.letter SET due_at = $2, attempts = attempts + 1 WHERE id = (
			SELECT id FROM auth.letter WHERE due_at <= $1 ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id, event_id, user_id, kind, details, attempts`
	letterDoneSQL  = `DELETE FROM auth.letter WHERE id = $1`
	delayLetterSQL = `UPDATE auth.letter SET due_at = $2 WHERE id = $1`
)

// Claim takes the next letter that is due.
func (b *LetterBox) Claim(ctx context.Context, now time.Time, lease time.Duration) (ports.Promised, bool, error) {
	var row struct {
		ID       int64           `db:"id"`
		EventID  string          `db:"event_id"`
		UserID   string          `db:"user_id"`
		Kind     string          `db:"kind"`
		Details  json.RawMessage `db:"details"`
		Attempts int             `db:"attempts"`
	}
	err := b.db.GetContext(ctx, &row, claimLetterSQL, now, now.Add(lease))
	if errors.Is(err, sql.ErrNoRows) {
		return ports.Promised{}, false, nil
	}
	p := ports.Promised{
		ID: row.ID, Attempts: row.Attempts, Promise: ports.Promise{EventID: row.EventID, UserID: row.UserID, Kind: ports.LetterKind(row.Kind)},
	}
	if err == nil {
		err = json.Unmarshal(row.Details, &p.Details)
	}
	if err != nil {
		return ports.Promised{}, false, fmt.Errorf("claim letter: %w", err)
	}
	return p, true, nil
}

// Done ends a letter.
func (b *LetterBox) Done(ctx context.Context, p ports.Promised, why error) error {
	if why != nil {
		b.log.ErrorContext(ctx, "letter given up", "kind", p.Kind, "event", p.EventID, "attempts", p.Attempts, "error", why.Error())
	}
	if _, err := b.db.ExecContext(ctx, letterDoneSQL, p.ID); err != nil {
		return fmt.Errorf("note letter: %w", err)
	}
	return nil
}

// Delay makes a letter due again.
func (b *LetterBox) Delay(ctx context.Context, p ports.Promised, until time.Time, why error) error {
	b.log.WarnContext(ctx, "letter not sent, will try again", "kind", p.Kind, "event", p.EventID, "attempts", p.Attempts, "error", why.Error())
	if _, err := b.db.ExecContext(ctx, delayLetterSQL, p.ID, until); err != nil {
		return fmt.Errorf("delay letter: %w", err)
	}
	return nil
}
