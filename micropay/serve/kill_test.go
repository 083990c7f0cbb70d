package serve_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/database"
)

// killPostmaster kills the platform's own server, as a crash would.
func killPostmaster(t *testing.T, p *serve.Platform) {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{DSN: p.AdminDSN})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var pid int
	require.NoError(t, db.GetContext(t.Context(), &pid, `SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int`))
	require.Greater(t, pid, 1)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}
