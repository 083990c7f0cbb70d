package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

// Option changes how Migrate goes about it.
type Option func(*migration)

// Within says how long to wait for a server that is not there yet; the default is a minute.
func Within(d time.Duration) Option { return func(m *migration) { m.wait = d } }

type migration struct {
	schema string
	wait   time.Duration
}

// Migrate brings a schema up to date with the numbered files (goose's format) in fsys. dsn is the
// owner's; Provision makes both. Any number of replicas may do it at once: one works, the others
// wait for it and find nothing left to do. Each file is a transaction of its own; the first that
// fails ends it. A server that is not there yet is waited for.
func Migrate(ctx context.Context, dsn, schema string, fsys fs.FS, options ...Option) error {
	m := migration{schema: schema, wait: time.Minute}
	for _, option := range options {
		option(&m)
	}
	db, err := Open(ctx, Config{
		DSN: dsn, ApplicationName: "micropay migrate " + schema, SearchPath: schema,
		StatementTimeout: -1, LockTimeout: -1, IdleInTx: -1, // a big table takes what it takes
	})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := m.await(ctx, db); err != nil {
		return fmt.Errorf("database: migrate %s: %w", schema, err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db.DB, fsys,
		goose.WithTableName(schema+".goose_db_version"), goose.WithSessionLocker(m), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("database: migrate %s: %w", schema, err)
	}
	// A replica that starts later may still provision the schema, whose grants both write.
	err = again(ctx, func() error {
		_, err := provider.Up(ctx)
		return err
	}, tupleConcurrentlyUpdated)
	if err != nil {
		var partial *goose.PartialError
		if errors.As(err, &partial) && partial.Failed != nil {
			return fmt.Errorf("database: migrate %s: %s: %w", schema, partial.Failed.Source.Path, partial.Err)
		}
		return fmt.Errorf("database: migrate %s: %w", schema, err)
	}
	return nil
}

// await returns when the server answers; an answer that time will not change is an error at once.
func (m migration) await(ctx context.Context, db *sqlx.DB) error {
	end := time.Now().Add(m.wait)
	for {
		_, err := db.ExecContext(ctx, "SELECT 1")
		if !IsUnavailable(err) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// SessionLock waits for the schema's turn. The lock goes with the session, so a replica that
// dies holds up nobody.
func (m migration) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", m.key())
	return err
}

// SessionUnlock lets the next one go.
func (m migration) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", m.key())
	return err
}

func (m migration) key() int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("micropay migrate " + m.schema))
	return int64(h.Sum64())
}
