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
	Seq       int64     `db:"seq"`
}

const (
	loadRevocationsSQL = `SELECT kind, id, revoked_at, expires_at, seq FROM revocation
		WHERE seq > $1 AND expires_at > clock_timestamp() ORDER BY seq`
	loadCursorSQL = `SELECT position FROM revocation_cursor`
)

// Load implements ports.RevocationStore.
func (s *Revocations) Load(ctx context.Context, seq int64) (ports.Heard, error) {
	heard := ports.Heard{Seq: seq}
	// The cursor first: whatever was stored with it is read then.
	if err := s.db.GetContext(ctx, &heard.Cursor, loadCursorSQL); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return heard, fault("load revocation cursor", err)
	}
	var rows []revocationRow
	if err := s.db.SelectContext(ctx, &rows, loadRevocationsSQL, seq); err != nil {
		return heard, fault("load revocations", err)
	}
	for _, r := range rows {
		heard.Revocations = append(heard.Revocations, ports.Revocation{Kind: r.Kind, ID: r.ID, RevokedAt: r.RevokedAt, ExpiresAt: r.ExpiresAt})
		heard.Seq = r.Seq
	}
	return heard, nil
}

const (
	// Held until the commit, so that what becomes visible is the last of them.
	lockRevocationsSQL = `SELECT pg_advisory_xact_lock(hashtext('micropay transaction revocations'))`
	saveRevocationSQL  = `INSERT INTO revocation (kind, id, revoked_at, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (kind, id) DO UPDATE SET revoked_at = greatest(revocation.revoked_at, excluded.revoked_at),
			expires_at = greatest(revocation.expires_at, excluded.expires_at), seq = nextval('revocation_seq_seq')
		WHERE revocation.revoked_at < excluded.revoked_at OR revocation.expires_at < excluded.expires_at`
	saveCursorSQL = `INSERT INTO revocation_cursor (position) VALUES ($1) ON CONFLICT (single) DO UPDATE SET position = excluded.position`
	expireSQL     = `DELETE FROM revocation WHERE expires_at < clock_timestamp()`
)

// Save implements ports.RevocationStore.
func (s *Revocations) Save(ctx context.Context, rs []ports.Revocation, cursor string) error {
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		if err := revoke(ctx, tx, rs...); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, expireSQL); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, saveCursorSQL, cursor)
		return err
	})
	return fault("save revocations", err)
}

func revoke(ctx context.Context, tx *sqlx.Tx, rs ...ports.Revocation) error {
	if _, err := tx.ExecContext(ctx, lockRevocationsSQL); err != nil {
		return err
	}
	for _, r := range rs {
		if _, err := tx.ExecContext(ctx, saveRevocationSQL, r.Kind, r.ID, r.RevokedAt, r.ExpiresAt); err != nil {
			return err
		}
	}
	return nil
}
