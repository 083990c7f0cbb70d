package database_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
)

var errBoom = errors.New("boom")

// ledger is a database with the table t (n int primary key).
func ledger(t *testing.T) (*sqlx.DB, string) {
	t.Helper()
	dsn := newDatabase(t)
	db := connect(t, dsn)
	exec(t, db, "CREATE TABLE t (n int CONSTRAINT t_pk PRIMARY KEY, v int NOT NULL DEFAULT 0)")
	return db, dsn
}

func insert(ctx context.Context, n int) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO t VALUES ($1)", n)
		return err
	}
}

func rows(t *testing.T, db *sqlx.DB) int {
	t.Helper()
	return scalar[int](t, db, "SELECT count(*) FROM t")
}

func TestInTx_CommitsWhatSucceeded(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	require.NoError(t, database.InTx(t.Context(), db, nil, insert(t.Context(), 1)))
	require.Equal(t, 1, rows(t, db))
}

func TestInTx_Error_RollsBackAndIsReturned(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	err := database.InTx(t.Context(), db, nil, func(tx *sqlx.Tx) error {
		require.NoError(t, insert(t.Context(), 1)(tx))
		return errBoom
	})
	require.ErrorIs(t, err, errBoom)
	require.Zero(t, rows(t, db))
}

func TestInTx_Panic_RollsBackAndGoesOn(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	require.PanicsWithValue(t, "boom", func() {
		_ = database.InTx(t.Context(), db, nil, func(tx *sqlx.Tx) error {
			require.NoError(t, insert(t.Context(), 1)(tx))
			panic("boom")
		})
	})
	require.Zero(t, rows(t, db))
	require.Zero(t, db.Stats().InUse, "the session must be free again")
}

func TestInTx_CallerGone_RollsBackAllTheSame(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := database.InTx(ctx, db, nil, func(tx *sqlx.Tx) error {
		require.NoError(t, insert(t.Context(), 1)(tx))
		cancel()
		return nil // and forgets to look
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, rows(t, db))
	require.Zero(t, db.Stats().InUse)
}

func TestInTx_CallerGoneAtCommit_TheAnswerIsTheTruth(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	// A deferred trigger makes the commit itself slow; the caller leaves in its middle.
	exec(t, db, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'`)
	exec(t, db, `CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	require.NoError(t, database.InTx(ctx, db, nil, insert(t.Context(), 1)))
	require.Error(t, ctx.Err())
	require.Equal(t, 1, rows(t, db))
}

func TestInTx_CommitRefused_IsAnError(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	exec(t, db, "ALTER TABLE t ADD CONSTRAINT v_known FOREIGN KEY (v) REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED")
	err := database.InTx(t.Context(), db, nil, insert(t.Context(), 1))
	require.NotNil(t, pq.As(err), err)
	var unknown *database.UnknownOutcomeError
	require.NotErrorAs(t, err, &unknown, "the server said no")
	require.False(t, database.IsUnavailable(err))
	require.Zero(t, rows(t, db))
}

func TestInTx_FailedStatementIgnored_IsStillAnError(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	err := database.InTx(t.Context(), db, nil, func(tx *sqlx.Tx) error {
		_ = insert(t.Context(), 1)(tx)
		_ = insert(t.Context(), 1)(tx)
		return nil
	})
	require.ErrorIs(t, err, pq.ErrInFailedTransaction)
	require.Zero(t, rows(t, db))
}

func TestInTx_CommitNotAnswered_IsOfUnknownOutcome_AndNotRepeated(t *testing.T) {
	t.Parallel()
	direct, dsn := ledger(t)
	l, dsn := newLine(t, dsn)
	db := connect(t, dsn)
	word := []byte("COMMIT")
	l.cutAt.Store(&word)

	calls := 0
	err := database.InTx(t.Context(), db, nil, func(tx *sqlx.Tx) error {
		calls++
		return insert(t.Context(), calls)(tx)
	})
	var unknown *database.UnknownOutcomeError
	require.ErrorAs(t, err, &unknown)
	require.True(t, database.IsUnavailable(err))
	require.Equal(t, 1, calls)
	require.Equal(t, 1, rows(t, direct))
}

func TestInTx_SerializationFailure_IsTriedAgain(t *testing.T) {
	t.Parallel()
	for failures, fine := range map[int]bool{1: true, 3: true, 4: false} {
		db, _ := ledger(t)
		calls := 0
		err := database.InTx(t.Context(), db, nil, func(tx *sqlx.Tx) error {
			if calls++; calls <= failures {
				_, err := tx.ExecContext(t.Context(), `DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`)
				return err
			}
			return insert(t.Context(), 1)(tx)
		})
		require.Equal(t, fine, err == nil, "%d failures: %v", failures, err)
		require.Equal(t, min(failures+1, 4), calls)
		if !fine {
			require.True(t, database.IsUnavailable(err), "later it may work")
		}
	}
}

func TestInTx_Deadlock_BothFinish(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	exec(t, db, "INSERT INTO t VALUES (1), (2)")
	var both, wg sync.WaitGroup
	both.Add(2)
	add := func(first, second int) error {
		tries := 0
		return database.InTx(t.Context(), db, nil, func(tx *sqlx.Tx) error {
			for i, n := range []int{first, second} {
				if _, err := tx.ExecContext(t.Context(), "UPDATE t SET v = v + 1 WHERE n = $1", n); err != nil {
					return err
				}
				if tries == 0 && i == 0 {
					tries++
					both.Done()
					both.Wait() // each holds its first row
				}
			}
			return nil
		})
	}
	errs := make([]error, 2)
	wg.Go(func() { errs[0] = add(1, 2) })
	wg.Go(func() { errs[1] = add(2, 1) })
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 4, scalar[int](t, db, "SELECT sum(v) FROM t"))
}

func TestInTx_NoSessionFree_WaitsNoLongerThanTheCaller(t *testing.T) {
	t.Parallel()
	db := openDB(t, database.Config{DSN: newDatabase(t), MaxOpen: 1})
	held, err := db.Connx(t.Context())
	require.NoError(t, err)
	defer func() { _ = held.Close() }()

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = database.InTx(ctx, db, nil, func(*sqlx.Tx) error { return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, database.IsUnavailable(err))
}

func TestInTx_ServerCameBack_FirstTransactionWorks(t *testing.T) {
	t.Parallel()
	direct, dsn := ledger(t)
	l, dsn := newLine(t, dsn)
	db := connect(t, dsn)
	exec(t, db, "SELECT 1")
	l.cut()
	require.NoError(t, database.InTx(t.Context(), db, nil, insert(t.Context(), 1)))
	require.Equal(t, 1, rows(t, direct))
}

// An operator makes a database read-only before a fail-over; lib/pq begins with READ WRITE,
// which would write there all the same.
func TestInTx_WritesNothingWhereTheDefaultIsReadOnly(t *testing.T) {
	t.Parallel()
	db, dsn := ledger(t)
	exec(t, db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
	later := connect(t, dsn)
	require.True(t, database.IsUnavailable(database.InTx(t.Context(), later, nil, insert(t.Context(), 1))))
	require.Zero(t, rows(t, later))
}
