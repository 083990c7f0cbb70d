package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/transaction/ports"
)

// Revocations keeps what the auth service revoked, over restarts.
type Revocations struct{ db *sqlx.DB }

// NewRevocations keeps revocations in db.
func NewRevocations(db *sqlx.DB) *Revocations { return &Revocations{db: db} }

type revocationRow struct {
	Kind      string    `db:"kind"`
	ID        string    `db:"id"`
	RevokedAt time.Time `db:"revoked_at"`
	ExpiresAt time.Time `db:"expires_at"`
}

const (
	loadRevocationsSQL = `SELECT kind, id, revoked_at, expires_at FROM revocation WHERE expires_at > clock_timestamp()`
	loadCursorSQL      = `SELECT position FROM revocation_cursor`
)

// Load implements ports.RevocationStore.
func (s *Revocations) Load(ctx context.Context) ([]ports.Revocation, string, error) {
	var cursor string
	if err := s.db.GetContext(ctx, &cursor, loadCursorSQL); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, "", fault("load revocation cursor", err)
	}
	var rows []revocationRow
	if err := s.db.SelectContext(ctx, &rows, loadRevocationsSQL); err != nil {
		return nil, "", fault("load revocations", err)
	}
	rs := make([]ports.Revocation, len(rows))
	for i, r := range rows {
		rs[i] = ports.Revocation(r)
	}
	return rs, cursor, nil
}

const (
	saveRevocationSQL = `INSERT INTO revocation (kind, id, revoked_at, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (kind, id) DO UPDATE SET revoked_at = greatest(revocation.revoked_at, excluded.revoked_at),
			expires_at = greatest(revocation.expires_at, excluded.expires_at)`
	saveCursorSQL = `INSERT INTO revocation_cursor (position) VALUES ($1) ON CONFLICT (single) DO UPDATE SET position = excluded.position`
	expireSQL     = `DELETE FROM revocation WHERE expires_at < clock_timestamp()`
)

// Save implements ports.RevocationStore.
func (s *Revocations) Save(ctx context.Context, rs []ports.Revocation, cursor string) error {
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		for _, r := range rs {
			if _, err := tx.ExecContext(ctx, saveRevocationSQL, r.Kind, r.ID, r.RevokedAt, r.ExpiresAt); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, expireSQL); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, saveCursorSQL, cursor)
		return err
	})
	return fault("save revocations", err)
}
