package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/ports"
)

// Revocations implements ports.Revocations. The order of the feed is the order in which its lines
// became visible; the database function record_revocation sees to that.
type Revocations struct{ db *sqlx.DB }

// NewRevocations makes the feed.
func NewRevocations(db *sqlx.DB) *Revocations { return &Revocations{db} }

const recordSQL = `SELECT auth.record_revocation($1, $2, $3, $4)`

// Record appends to the feed.
func (r *Revocations) Record(ctx context.Context, line ports.Revocation) error {
	if _, err := r.db.ExecContext(ctx, recordSQL, line.Kind, line.ID, line.At, line.ExpiresAt); err != nil {
		return fmt.Errorf("record revocation: %w", err)
	}
	return nil
}

const afterSQL = `SELECT seq, kind, id, revoked_at, expires_at FROM auth.revocation WHERE seq > $1 ORDER BY seq LIMIT $2`

// After lists up to limit lines after the cursor, oldest first.
func (r *Revocations) After(ctx context.Context, cursor int64, limit int) ([]ports.Revocation, error) {
	var rows []struct {
		Seq       int64     `db:"seq"`
		Kind      string    `db:"kind"`
		ID        string    `db:"id"`
		RevokedAt time.Time `db:"revoked_at"`
		ExpiresAt time.Time `db:"expires_at"`
	}
	if err := r.db.SelectContext(ctx, &rows, afterSQL, cursor, limit); err != nil {
		return nil, fmt.Errorf("read revocations: %w", err)
	}
	lines := make([]ports.Revocation, len(rows))
	for i, row := range rows {
		lines[i] = ports.Revocation{
			Cursor: row.Seq, Kind: ports.RevocationKind(row.Kind), ID: row.ID, At: row.RevokedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(),
		}
	}
	return lines, nil
}

const forgetSQL = `DELETE FROM auth.revocation WHERE expires_at < $1`

// Forget drops the lines that expired before then.
func (r *Revocations) Forget(ctx context.Context, before time.Time) error {
	if _, err := r.db.ExecContext(ctx, forgetSQL, before); err != nil {
		return fmt.Errorf("forget revocations: %w", err)
	}
	return nil
}

const revokedSQL = `SELECT EXISTS (SELECT 1 FROM auth.revocation
	WHERE (kind = 'session' AND id = $2) OR (kind = 'user' AND id = $1 AND revoked_at >= $3))`

// Revoked says whether a token of this person and session, issued then, is dead.
func (r *Revocations) Revoked(ctx context.Context, subject, sessionID string, issuedAt time.Time) (bool, error) {
	var dead bool
	if err := r.db.GetContext(ctx, &dead, revokedSQL, subject, sessionID, issuedAt); err != nil {
		return false, fmt.Errorf("look up revocation: %w", err)
	}
	return dead, nil
}
