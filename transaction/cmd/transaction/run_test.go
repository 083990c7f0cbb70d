package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/transaction/migrations"
)

// logs is what the process wrote.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// address finds where a port listens.
func (l *logs) address(port string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		var entry struct{ Msg, Port, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" && entry.Port == port {
			return "http://" + entry.Address
		}
	}
	return ""
}

func environment(t *testing.T, db *pgtest.DB, more ...string) []string {
	t.Helper()
	return append([]string{
		"DATABASE_URL=" + db.DSN, "MIGRATE_DATABASE_URL=" + db.OwnerDSN, "AUTH_ISSUER=http://127.0.0.1:1",
		"INTERNAL_TOKEN=0123456789abcdef", "PAYMENT_SANDBOX=true", "AUTH_URL=http://127.0.0.1:1", "TRANSACTION_ADDR=127.0.0.1:0", "TRANSACTION_INTERNAL_ADDR=127.0.0.1:0",
		"DRAIN_DELAY=1ms",
	}, more...)
}

func status(t *testing.T, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestRun_ServesUntilToldToStop(t *testing.T) {
	t.Parallel()
	db, out := pgtest.New(t, pgtest.Schema{Name: "transaction", FS: migrations.FS}), &logs{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, nil, environment(t, db), out) }()
	require.Eventually(t, func() bool { return out.address("public") != "" && out.address("internal") != "" }, 10*time.Second, 5*time.Millisecond)
	public, internal := out.address("public"), out.address("internal")
	require.Equal(t, http.StatusOK, status(t, public+"/livez"))
	require.Eventually(t, func() bool { return status(t, public+"/readyz") == http.StatusOK }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, http.StatusUnauthorized, status(t, public+"/transaction/wallets"))
	require.Equal(t, http.StatusOK, status(t, internal+"/metrics"))
	require.Equal(t, http.StatusNotFound, status(t, public+"/metrics"), "metrics are for the inside")
	require.Equal(t, http.StatusNotFound, status(t, public+"/internal/transaction/owners/x/close"))
	stop()
	require.NoError(t, <-ended)
}

func TestRun_MigratesAndEnds(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Schema{Name: "transaction", FS: migrations.FS})
	require.NoError(t, run(t.Context(), []string{"migrate"}, environment(t, db), &logs{}))
}

func TestRun_RefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Schema{Name: "transaction", FS: migrations.FS})
	require.ErrorContains(t, run(t.Context(), []string{"dance"}, nil, &logs{}), "dance")
	require.ErrorContains(t, run(t.Context(), []string{"serve", "twice"}, nil, &logs{}), "twice")
	require.ErrorContains(t, run(t.Context(), nil, nil, &logs{}), "AUTH_ISSUER", "nothing starts on a bad configuration")
	noOwner := slices.DeleteFunc(environment(t, db), func(v string) bool { return strings.HasPrefix(v, "MIGRATE_") })
	require.ErrorContains(t, run(t.Context(), []string{"migrate"}, noOwner, &logs{}), "MIGRATE_DATABASE_URL")
	require.ErrorContains(t, run(t.Context(), nil, environment(t, db, "TRANSACTION_ADDR=nonsense"), &logs{}), "nonsense")
}

func TestRun_SaysItsVersionAndProbesItself_WithoutAConfiguration(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--version"}, nil, &out))
	require.Regexp(t, `^transaction dev \(commit .*\)\n$`, out.String())
	require.ErrorContains(t, run(t.Context(), []string{"healthcheck"}, []string{"TRANSACTION_ADDR=127.0.0.1:1"}, &out), "refused")
	require.ErrorContains(t, run(t.Context(), []string{"healthcheck", "everything"}, nil, &out), "healthcheck")
}
