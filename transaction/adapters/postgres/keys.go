package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// Keys keeps idempotency keys from growing for ever. They are written by the ledger and by
// top-ups, each with its effect.
type Keys struct{ db *sqlx.DB }

// NewKeys looks after the keys in db.
func NewKeys(db *sqlx.DB) *Keys { return &Keys{db: db} }

const forgetKeysSQL = `SELECT forget_keys($1 * interval '1 second')`

// Forget drops keys older than age, and never one of the last 24 hours. It returns how many.
func (s *Keys) Forget(ctx context.Context, age time.Duration) (int64, error) {
	var n int64
	err := s.db.GetContext(ctx, &n, forgetKeysSQL, age.Seconds())
	return n, fault("forget keys", err)
}
