package database

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
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

// grace is what an answer may take longer than the statement was allowed to, before the line to
// the server counts as dead.
const grace = 2 * time.Second

func (c Config) withDefaults() Config {
	orDefault(&c.ApplicationName, "micropay")
	orDefault(&c.MaxOpen, 16)
	orDefault(&c.ConnMaxLifetime, 30*time.Minute)
	orDefault(&c.ConnectTimeout, 5*time.Second)
	orDefault(&c.StatementTimeout, 5*time.Second)
	orDefault(&c.LockTimeout, 2*time.Second)
	orDefault(&c.IdleInTx, 10*time.Second)
	return c
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Open returns a pool for the database, without asking whether it is there: a service may start
// before its database does. Waiting for a free session ends with the caller's context.
//
// The only errors are mistakes in the DSN; they never repeat it, for it holds a password.
func Open(_ context.Context, cfg Config) (*sqlx.DB, error) {
	cfg = cfg.withDefaults()
	pqc, err := pq.NewConfig(cfg.DSN)
	if err != nil {
		return nil, errors.New("database: the connection string does not parse; it is postgres://user:password@host:port/database?sslmode=... or key=value pairs")
	}
	if pqc.Runtime == nil {
		pqc.Runtime = map[string]string{}
	}
	for name, value := range cfg.session() {
		pqc.Runtime[name] = value
	}
	pqc.ConnectTimeout = max(cfg.ConnectTimeout, 0)
	connector, err := pq.NewConnectorConfig(pqc)
	if err != nil {
		return nil, errors.New("database: the connection string cannot be used")
	}
	d := dialer{keepAlive: 30 * time.Second}
	if cfg.StatementTimeout > 0 {
		d.patience = cfg.StatementTimeout + grace
	}
	connector.Dialer(d)

	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	db.SetMaxOpenConns(cfg.MaxOpen)
	db.SetMaxIdleConns(cfg.MaxOpen)
	db.SetConnMaxLifetime(max(cfg.ConnMaxLifetime, 0))
	return db, nil
}

// session is what every session is told at its start.
func (c Config) session() map[string]string {
	set := map[string]string{
		"application_name":                    c.ApplicationName,
		"statement_timeout":                   milliseconds(c.StatementTimeout),
		"lock_timeout":                        milliseconds(c.LockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(c.IdleInTx),
		"synchronous_commit":                  "on", // an answered write is on disk
		"TimeZone":                            "UTC",
	}
	if c.SearchPath != "" {
		set["search_path"] = c.SearchPath
	}
	return set
}

// milliseconds is a limit as PostgreSQL reads it, where 0 is none.
func milliseconds(d time.Duration) string {
	if d < 0 {
		return "0"
	}
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10)
}
