package database_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/pgserver"
)

var server = sync.OnceValues(func() (*pgserver.Server, error) {
	return pgserver.Start(context.Background(), pgserver.Config{URL: os.Getenv("DATABASE_URL"), Fast: true, Install: true, Fetch: true})
})

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); err == nil {
		_ = s.Stop(context.Background())
	}
	os.Exit(code)
}

// newDatabase is the superuser's address of an empty database of this test alone.
func newDatabase(t *testing.T) string {
	t.Helper()
	s, err := server()
	require.NoError(t, err)
	admin := connect(t, s.DSN(""))
	name := fmt.Sprintf("t_%016x", rand.Uint64())
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	return s.DSN(name)
}

func connect(t *testing.T, dsn string) *sqlx.DB {
	t.Helper()
	return openDB(t, database.Config{DSN: dsn})
}

func openDB(t *testing.T, cfg database.Config) *sqlx.DB {
	t.Helper()
	db, err := database.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // its lines may have been cut
	return db
}

func exec(t *testing.T, db *sqlx.DB, query string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), query, args...)
	require.NoError(t, err)
}

func scalar[T any](t *testing.T, db *sqlx.DB, query string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, db.GetContext(t.Context(), &v, query, args...))
	return v
}

func withHost(t *testing.T, dsn, host string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.Host = host
	return u.String()
}
