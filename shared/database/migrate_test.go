package database_test

import (
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
)

func migrations(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return m
}

// service is a provisioned service of its own name: roles belong to the whole server.
func service(t *testing.T, admin, name string) database.Roles {
	t.Helper()
	roles, err := database.Provision(t.Context(), admin, database.Service{Name: name})
	require.NoError(t, err)
	return roles
}

func TestMigrate_ManyAtOnce_EachStepOnce(t *testing.T) {
	t.Parallel()
	roles := service(t, newDatabase(t), "many")
	fs := migrations(map[string]string{
		"00001_a.sql": "CREATE TABLE a (n int); SELECT pg_sleep(0.05);",
		"00002_b.sql": "INSERT INTO a VALUES (1);",
	})
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = database.Migrate(t.Context(), roles.Owner, "many", fs) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 1, scalar[int](t, connect(t, roles.Owner), "SELECT count(*) FROM many.a"))
}

func TestMigrate_Again_DoesNothing_AndLaterFilesAreAdded(t *testing.T) {
	t.Parallel()
	roles := service(t, newDatabase(t), "again")
	files := map[string]string{"00001_a.sql": "CREATE TABLE a (n int);"}
	require.NoError(t, database.Migrate(t.Context(), roles.Owner, "again", migrations(files)))
	require.NoError(t, database.Migrate(t.Context(), roles.Owner, "again", migrations(files)))
	files["00002_b.sql"] = "CREATE TABLE b (n int);"
	require.NoError(t, database.Migrate(t.Context(), roles.Owner, "again", migrations(files)))
	exec(t, connect(t, roles.Owner), "TABLE again.b")
}

func TestMigrate_BadStep_IsNamed_AndLeavesNothingOfItself(t *testing.T) {
	t.Parallel()
	roles := service(t, newDatabase(t), "bad")
	err := database.Migrate(t.Context(), roles.Owner, "bad", migrations(map[string]string{
		"00001_good.sql": "CREATE TABLE good (n int);",
		"00002_bad.sql":  "CREATE TABLE half (n int); SELECT nonsense;",
	}))
	require.ErrorContains(t, err, "00002_bad.sql")
	owner := connect(t, roles.Owner)
	exec(t, owner, "TABLE bad.good")
	require.False(t, scalar[bool](t, owner, "SELECT to_regclass('bad.half') IS NOT NULL"))
}

// A replica that starts later provisions what the first one migrates; both write the schema's grants.
func TestMigrate_OvertakenByProvision_DoesTheStepAgain(t *testing.T) {
	t.Parallel()
	admin := newDatabase(t)
	roles := service(t, admin, "overtaken")
	other := connect(t, admin)
	tx, err := other.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "GRANT USAGE ON SCHEMA overtaken TO micropay_overtaken")
	require.NoError(t, err)

	done := make(chan error, 1)
	go func() {
		done <- database.Migrate(t.Context(), roles.Owner, "overtaken", migrations(map[string]string{
			"00001_a.sql": "CREATE TABLE a (n int); GRANT USAGE ON SCHEMA overtaken TO micropay_overtaken;",
		}))
	}()
	require.Eventually(t, func() bool { // the step waits for the other's line
		return scalar[bool](t, other, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'micropay migrate overtaken' AND wait_event_type = 'Lock')")
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, tx.Commit())
	require.NoError(t, <-done)
	exec(t, connect(t, roles.Owner), "TABLE overtaken.a")
}

func TestMigrate_NoFiles_IsAnError(t *testing.T) {
	t.Parallel()
	roles := service(t, newDatabase(t), "nofiles")
	require.Error(t, database.Migrate(t.Context(), roles.Owner, "nofiles", fstest.MapFS{}))
}

func TestMigrate_StepIsNotBoundByTheLimitsOfSessions(t *testing.T) {
	t.Parallel()
	roles := service(t, newDatabase(t), "unbound")
	require.NoError(t, database.Migrate(t.Context(), roles.Owner, "unbound", migrations(map[string]string{
		"00001_a.sql": "CREATE TABLE told AS SELECT current_setting('statement_timeout') AS statement;",
	})))
	require.Equal(t, "0", scalar[string](t, connect(t, roles.Owner), "SELECT statement FROM unbound.told"))
}

func TestMigrate_ServerNotThereYet_IsWaitedFor(t *testing.T) {
	t.Parallel()
	roles := service(t, newDatabase(t), "later")
	u, err := url.Parse(roles.Owner)
	require.NoError(t, err)
	server := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	u.Host = l.Addr().String()
	require.NoError(t, l.Close()) // nobody there

	done := make(chan error, 1)
	fs := migrations(map[string]string{"00001_a.sql": "CREATE TABLE a (n int);"})
	go func() { done <- database.Migrate(t.Context(), u.String(), "later", fs) }()
	time.AfterFunc(300*time.Millisecond, func() { forward(t, u.Host, server) })
	require.NoError(t, <-done)
}

func TestMigrate_ServerNeverThere_GivesUp(t *testing.T) {
	t.Parallel()
	err := database.Migrate(t.Context(), "postgres://u:p@127.0.0.1:1/x?sslmode=disable", "x",
		migrations(map[string]string{"00001_a.sql": "SELECT 1;"}), database.Within(200*time.Millisecond))
	require.True(t, database.IsUnavailable(err), err)
}

func TestMigrate_WrongPassword_IsNotWaitedOn(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(newDatabase(t))
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), "wrong")
	err = database.Migrate(t.Context(), u.String(), "x", migrations(map[string]string{"00001_a.sql": "SELECT 1;"}))
	require.NotNil(t, pq.As(err), err)
	require.NotContains(t, err.Error(), "wrong\"")
}
