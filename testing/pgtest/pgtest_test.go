package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/testing/pgtest"
)

func schema(name, extra string) pgtest.Schema {
	return pgtest.Schema{Name: name, FS: fstest.MapFS{"00001_init.sql": {Data: []byte(
		"-- +goose Up\nCREATE TABLE item (n int PRIMARY KEY);\nGRANT SELECT, INSERT ON item TO micropay_" + name + ";\n" + extra)}}}
}

func TestNew_IsPrivateAndMigrated(t *testing.T) {
	t.Parallel()
	one, two := pgtest.New(t, schema("pgtest", "")), pgtest.New(t, schema("pgtest", ""))
	_, err := one.App.ExecContext(t.Context(), "INSERT INTO item VALUES (1)")
	require.NoError(t, err)

	var n int
	require.NoError(t, two.App.GetContext(t.Context(), &n, "SELECT count(*) FROM item"))
	require.Zero(t, n)
	require.NoError(t, one.Admin.GetContext(t.Context(), &n, "SELECT count(*) FROM pgtest.item"))
	require.Equal(t, 1, n)
}

func TestNew_AppHasTheRightsOfTheRunningService(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema("pgtest", ""))
	for _, query := range []string{"UPDATE item SET n = 1", "CREATE TEMPORARY TABLE x (n int)", "CREATE TABLE pgtest.x (n int)"} {
		_, err := db.App.ExecContext(t.Context(), query)
		require.ErrorContains(t, err, "permission denied", query)
	}
	_, err := db.Owner.ExecContext(t.Context(), "ALTER TABLE item ADD COLUMN m int")
	require.NoError(t, err)
}

func TestNew_TwoServicesInOneDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema("pgtest", ""), schema("pgtest2", ""))
	other, err := database.Open(t.Context(), database.Config{DSN: db.Roles["pgtest2"].App})
	require.NoError(t, err)
	defer func() { _ = other.Close() }()
	_, err = other.ExecContext(t.Context(), "SELECT * FROM item")
	require.NoError(t, err)
	_, err = other.ExecContext(t.Context(), "SELECT * FROM pgtest.item")
	require.ErrorContains(t, err, "permission denied")
}

func TestNew_WithoutASchema_IsEmpty(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := db.App.ExecContext(t.Context(), "CREATE TABLE anything (n int)")
	require.NoError(t, err)
}

func TestNew_OtherMigrations_OtherTemplate(t *testing.T) {
	t.Parallel()
	pgtest.New(t, schema("pgtest", ""))
	changed := pgtest.New(t, schema("pgtest", "CREATE TABLE added (n int);"))
	_, err := changed.Owner.ExecContext(t.Context(), "TABLE added")
	require.NoError(t, err)
}

func TestNew_ManyAtOnce(t *testing.T) {
	t.Parallel()
	s := schema("pgtest", fmt.Sprintf("-- %d", time.Now().UnixNano())) // a template nobody has made yet
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() { _, errs[i] = pgtest.New(t, s).App.ExecContext(t.Context(), "INSERT INTO item VALUES (1)") })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestNew_IsQuick(t *testing.T) {
	s := schema("pgtest", "")
	pgtest.New(t, s)
	best := time.Hour
	for try := 0; try < 20 && best > 200*time.Millisecond; try++ { // the machine may be busy
		start := time.Now()
		pgtest.New(t, s)
		best = min(best, time.Since(start))
	}
	t.Logf("a database took %v", best)
	require.Less(t, best, 200*time.Millisecond)
}

func TestNew_DatabaseGoesWithTheTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) {
		db := pgtest.New(t, schema("pgtest", ""))
		require.NoError(t, db.App.GetContext(t.Context(), &name, "SELECT current_database()"))
	})
	var exists bool
	admin := pgtest.New(t).Admin
	require.NoError(t, admin.GetContext(t.Context(), &exists, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name))
	require.False(t, exists)
}

func TestServer_CrashAndComeBack(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t)
	db := s.New(t, schema("pgtest", ""))
	_, err := db.App.ExecContext(t.Context(), "INSERT INTO item VALUES (1)")
	require.NoError(t, err)

	s.Stop(pgtest.Immediate)
	_, err = db.App.ExecContext(t.Context(), "SELECT 1")
	require.True(t, database.IsUnavailable(err), err)
	s.Start()

	var n int
	require.NoError(t, db.App.GetContext(t.Context(), &n, "SELECT count(*) FROM item"))
	require.Equal(t, 1, n)
}

func TestServer_FreezeAndThaw(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t)
	db := s.New(t, schema("pgtest", ""))
	_, err := db.App.ExecContext(t.Context(), "SELECT 1")
	require.NoError(t, err)

	s.Freeze()
	answered := make(chan error, 1)
	go func() { _, err := db.App.ExecContext(context.Background(), "SELECT 1"); answered <- err }()
	select {
	case err := <-answered:
		require.Fail(t, "a frozen server answered", "%v", err)
	case <-time.After(100 * time.Millisecond):
	}
	s.Thaw()
	require.NoError(t, <-answered)
}

func TestServer_KillBackends(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t)
	db := s.New(t, schema("pgtest", ""))
	tx, err := db.App.Beginx()
	require.NoError(t, err)
	require.Equal(t, 1, s.KillBackends("micropay_pgtest"))
	_, err = tx.ExecContext(t.Context(), "SELECT 1")
	require.True(t, database.IsUnavailable(err), err)
	_ = tx.Rollback()
}

// A test binary of its own, with a server that is already there, or with a choice that is none.
func TestChoice(t *testing.T) {
	t.Parallel()
	for want, says := range map[string]string{
		pgtest.AdminDSN(t):   "as configured",
		"sqlite":             "is none of auto, docker, local",
		"postgres://x:y@h:z": "is not of the form",
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run", "^TestNew_IsPrivateAndMigrated$", "-test.v")
			cmd.Env = append(os.Environ(), pgtest.Variable+"="+want)
			out, err := cmd.CombinedOutput()
			require.Regexp(t, says, string(out))
			require.Equal(t, says == "as configured", err == nil, "%s", out)
			require.NotContains(t, string(out), "x:y@")
		})
	}
}
