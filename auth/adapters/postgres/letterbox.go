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
	"github.com/lib/pq"

	"github.com/micropay/micropay/auth/ports"
)

// LetterBox implements ports.LetterBox with the tables inbox and letter.
type LetterBox struct {
	db  *sqlx.DB
	log *slog.Logger
}

// NewLetterBox keeps letters in db. What is not sent is logged, by kind and never by address.
func NewLetterBox(db *sqlx.DB, log *slog.Logger) *LetterBox { return &LetterBox{db, log} }

// promiseSQL finds nothing to insert when the event was noted before. Of two that come at once the
// second waits for the first.
const promiseSQL = `WITH noted AS (INSERT INTO auth.inbox (event_id, type) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING event_id)
	INSERT INTO auth.letter (event_id, user_id, kind, details, due_at)
	SELECT event_id, l.*, clock_timestamp() FROM noted, unnest($3::uuid[], $4::text[], $5::jsonb[]) l
	ON CONFLICT ON CONSTRAINT letter_once DO NOTHING`

// Promise notes an event and stores its letters in one statement.
func (b *LetterBox) Promise(ctx context.Context, event ports.Occurrence, letters ...ports.Promise) error {
	var users, kinds, details []string
	for _, p := range letters {
		text, err := json.Marshal(p.Details)
		if err != nil {
			return fmt.Errorf("promise letter: %w", err)
		}
		users, kinds, details = append(users, p.UserID), append(kinds, string(p.Kind)), append(details, string(text))
	}
	if _, err := b.db.ExecContext(ctx, promiseSQL, event.ID, event.Type, pq.Array(users), pq.Array(kinds), pq.Array(details)); err != nil {
		return fmt.Errorf("promise letter: %w", err)
	}
	return nil
}

const forgetEventsSQL = `DELETE FROM auth.inbox WHERE handled_at < clock_timestamp() - $1 * interval '1 second'`

// Forget drops the notes of events that were handled longer than age ago: no queue keeps one so long.
func (b *LetterBox) Forget(ctx context.Context, age time.Duration) error {
	if _, err := b.db.ExecContext(ctx, forgetEventsSQL, age.Seconds()); err != nil {
		return fmt.Errorf("forget events: %w", err)
	}
	return nil
}

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
		ID: row.ID, EventID: row.EventID, Attempts: row.Attempts, Promise: ports.Promise{UserID: row.UserID, Kind: ports.LetterKind(row.Kind)},
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
