package serve_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/testing/pgtest"
)

// TestMigrate_WithPasswordsFromOutside_LetsTheServicesIn is how services that run apart get their
// roles: an operator gives the passwords, and each service is told its own.
func TestMigrate_WithPasswordsFromOutside_LetsTheServicesIn(t *testing.T) {
	t.Parallel()
	// A server of its own: roles belong to all databases of one, and other tests rely on theirs.
	admin := pgtest.NewServer(t).New(t).AdminDSN
	data := filepath.Join(t.TempDir(), "data")
	given := []string{"MICROPAY_DATA=" + data, "DATABASE_URL=" + admin, "AUTH_DB_PASSWORD=of-auth-for-tests", "TRANSACTION_DB_PASSWORD=of-transaction-for-tests"}
	for range 2 { // any number of times
		c, err := serve.Load(given)
		require.NoError(t, err)
		_, err = serve.Migrate(t.Context(), c)
		require.NoError(t, err)
	}
	for schema, password := range map[string]string{"auth": "of-auth-for-tests", "transaction": "of-transaction-for-tests"} {
		u, err := url.Parse(admin)
		require.NoError(t, err)
		u.User = url.UserPassword("micropay_"+schema, password)
		db, err := database.Open(t.Context(), database.Config{DSN: u.String(), MaxOpen: 1})
		require.NoError(t, err)
		var tables int
		require.NoError(t, db.Get(&tables, "SELECT count(*) FROM information_schema.tables WHERE table_schema = $1", schema))
		require.Positive(t, tables)
		require.NoError(t, db.Close())
	}
	_, err := os.Stat(data)
	require.ErrorIs(t, err, os.ErrNotExist, "nothing has to be kept, so it runs on a read-only file system")
}

func TestLoad_PasswordsFromOutside_AreAllOrNone(t *testing.T) {
	t.Parallel()
	_, err := serve.Load([]string{"AUTH_DB_PASSWORD=x"})
	require.ErrorContains(t, err, "TRANSACTION_DB_PASSWORD: is required with AUTH_DB_PASSWORD")
	require.ErrorContains(t, err, "DATABASE_URL: is required with AUTH_DB_PASSWORD")
}
