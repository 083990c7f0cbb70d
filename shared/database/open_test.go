package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
)

func TestOpen_EverySessionHasItsLimits(t *testing.T) {
	t.Parallel()
	db := openDB(t, database.Config{
		DSN: newDatabase(t), ApplicationName: "transaction", SearchPath: "pg_catalog",
		StatementTimeout: 1500 * time.Millisecond, LockTimeout: 250 * time.Millisecond, IdleInTx: 3 * time.Second,
	})
	for name, want := range map[string]string{
		"statement_timeout": "1500ms", "lock_timeout": "250ms", "idle_in_transaction_session_timeout": "3s",
		"synchronous_commit": "on", "TimeZone": "UTC", "application_name": "transaction", "search_path": "pg_catalog",
	} {
		require.Equal(t, want, scalar[string](t, db, "SHOW "+name), name)
	}
}

func TestOpen_LimitsHaveDefaults_AndCanBeTakenAway(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	db := openDB(t, database.Config{DSN: dsn})
	require.Equal(t, "5s", scalar[string](t, db, "SHOW statement_timeout"))
	require.Equal(t, "2s", scalar[string](t, db, "SHOW lock_timeout"))
	require.Equal(t, "10s", scalar[string](t, db, "SHOW idle_in_transaction_session_timeout"))

	db = openDB(t, database.Config{DSN: dsn, StatementTimeout: -1, LockTimeout: -1, IdleInTx: -1})
	require.Equal(t, "0", scalar[string](t, db, "SHOW statement_timeout"))
	require.Equal(t, "0", scalar[string](t, db, "SHOW lock_timeout"))
}

func TestOpen_BadAddress_IsRefusedWithoutRepeatingThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://u:s3cret@h:port/x", "host='s3cret", "port=s3cret"} {
		_, err := database.Open(t.Context(), database.Config{DSN: dsn})
		require.Error(t, err, dsn)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestOpen_ServerNotThere_IsNoErrorYet(t *testing.T) {
	t.Parallel()
	db := openDB(t, database.Config{DSN: "postgres://u:p@127.0.0.1:1/x?sslmode=disable"})
	err := db.PingContext(t.Context())
	require.Error(t, err)
	require.True(t, database.IsUnavailable(err), err)
}

func TestOpen_DeadLine_IsGivenUpInTime(t *testing.T) {
	t.Parallel()
	l, dsn := newLine(t, newDatabase(t))
	db := openDB(t, database.Config{DSN: dsn, StatementTimeout: 100 * time.Millisecond})
	exec(t, db, "SELECT 1")

	l.dead.Store(true)
	done := make(chan error, 1)
	go func() { _, err := db.ExecContext(context.Background(), "SELECT 1"); done <- err }()
	select {
	case err := <-done:
		require.True(t, database.IsUnavailable(err), err)
	case <-time.After(20 * time.Second):
		require.Fail(t, "still waiting for a server that does not answer")
	}
}

func TestOpen_ServerCameBack_NoStaleSessionIsHandedOut(t *testing.T) {
	t.Parallel()
	l, dsn := newLine(t, newDatabase(t))
	db := openDB(t, database.Config{DSN: dsn})
	exec(t, db, "SELECT 1")

	l.cut()
	require.Never(t, func() bool { // every try, not only some later one
		_, err := db.ExecContext(t.Context(), "SELECT 1")
		l.cut()
		return err != nil
	}, 200*time.Millisecond, 20*time.Millisecond)
}

func TestOpen_AnswerLost_StatementIsNotSentAgain(t *testing.T) {
	t.Parallel()
	direct := newDatabase(t)
	l, dsn := newLine(t, direct)
	db := openDB(t, database.Config{DSN: dsn})
	exec(t, db, "CREATE TABLE paid (n int)")

	word := []byte("INSERT")
	l.cutAt.Store(&word)
	_, err := db.ExecContext(t.Context(), "INSERT INTO paid VALUES (1)")
	require.True(t, database.IsUnavailable(err), err)
	require.Equal(t, 1, scalar[int](t, connect(t, direct), "SELECT count(*) FROM paid"))
}
