package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	maxRetries   = 3               // after a serialization failure or a deadlock
	rollbackTime = 5 * time.Second // that a caller waits at most for a rollback
)

// InTx runs fn in a transaction and commits it. An error or panic of fn, or the end of ctx before
// the commit, rolls it back; a panic goes on. Nothing is ever left open.
//
// fn is run again, at most three times, when the server gave the transaction up for the sake of
// another (serialization failure, deadlock): all its effects must be in tx. The last such error
// is returned; it is one that IsUnavailable knows.
//
// A commit that was sent is waited for even if ctx ends meanwhile, so that nil means committed
// and an error means not. The exception is *UnknownOutcomeError: the line broke before the answer.
func InTx(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions, fn func(*sqlx.Tx) error) error {
	for try := 0; ; try++ {
		err := inTx(ctx, db, opts, fn)
		if try == maxRetries || !IsRetryable(err) {
			return err
		}
		// Jitter, so that the two do not meet again.
		pause := time.Duration(1+rand.IntN(10<<try)) * time.Millisecond
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// IsRetryable says that the server gave the transaction up for the sake of another (serialization
// failure, deadlock): nothing of it stands, and doing it again may succeed.
func IsRetryable(err error) bool {
	e := pq.As(err)
	return e != nil && (e.SQLState() == serializationFailure || e.SQLState() == deadlockDetected)
}

func inTx(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions, fn func(*sqlx.Tx) error) error {
	tx, end, err := begin(ctx, db, opts)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer end()
	open := true
	defer func() { // also on a panic, or a test's FailNow, in fn
		if open {
			rollback(tx)
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("before commit: %w", err)
	}
	open = false
	return commitError(tx.Commit())
}

// heedDefaultSQL undoes the READ WRITE with which lib/pq begins: a database that was made
// read-only, say for a fail-over, stays that.
const heedDefaultSQL = `SELECT set_config('transaction_read_only', current_setting('default_transaction_read_only'), true)`

// begin waits for a session no longer than ctx, but the transaction does not end with ctx:
// database/sql would roll back in the background, in a race with our commit.
func begin(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions) (*sqlx.Tx, func(), error) {
	own, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end)
	tx, err := db.BeginTxx(own, opts)
	if err == nil && (opts == nil || !opts.ReadOnly) {
		if _, err = tx.ExecContext(own, heedDefaultSQL); err != nil {
			rollback(tx)
		}
	}
	if stop() && err == nil {
		return tx, end, nil
	}
	end()
	if err == nil {
		rollback(tx)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return nil, nil, err
}

// rollback goes on in the background when the server does not answer in time. It then ends with
// the line's patience, and the server ends the transaction by its own limits.
func rollback(tx *sqlx.Tx) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tx.Rollback() // a transaction that cannot be rolled back has gone with its session
	}()
	select {
	case <-done:
	case <-time.After(rollbackTime):
	}
}

// commitError tells a commit that was refused from one whose fate is unknown.
func commitError(err error) error {
	switch {
	case err == nil:
		return nil
	case pq.As(err) != nil, errors.Is(err, pq.ErrInFailedTransaction):
		return fmt.Errorf("commit: %w", err)
	default:
		return &UnknownOutcomeError{Cause: err}
	}
}
