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

	"github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/testing/pgtest"
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
		"DATABASE_URL=" + db.DSN, "MIGRATE_DATABASE_URL=" + db.OwnerDSN, "LOCAL_MODE=true", "MAIL_DIR=" + t.TempDir(),
		"INTERNAL_TOKEN=0123456789abcdef", "TRANSACTION_URL=http://127.0.0.1:1", "AUTH_ADDR=127.0.0.1:0", "AUTH_INTERNAL_ADDR=127.0.0.1:0",
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
	db, out := pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS}), &logs{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, nil, environment(t, db), out) }()
	require.Eventually(t, func() bool { return out.address("public") != "" && out.address("internal") != "" }, 10*time.Second, 5*time.Millisecond)
	public, internal := out.address("public"), out.address("internal")
	require.Equal(t, http.StatusOK, status(t, public+"/livez"))
	require.Equal(t, http.StatusOK, status(t, public+"/readyz"))
	require.Equal(t, http.StatusOK, status(t, public+"/.well-known/openid-configuration"))
	require.Equal(t, http.StatusUnauthorized, status(t, internal+"/internal/auth/users"))
	require.Equal(t, http.StatusOK, status(t, internal+"/metrics"))
	require.Equal(t, http.StatusNotFound, status(t, public+"/metrics"), "metrics are for the inside")
	require.Equal(t, http.StatusNotFound, status(t, public+"/internal/auth/users"))
	stop()
	require.NoError(t, <-ended)
}

func TestRun_MigratesAndRotatesKeys(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS})
	require.NoError(t, run(t.Context(), []string{"migrate"}, environment(t, db), &logs{}))
	require.NoError(t, run(t.Context(), []string{"rotate-key"}, environment(t, db), &logs{}))
	var keys int
	require.NoError(t, db.Admin.Get(&keys, "SELECT count(*) FROM auth.signing_key"))
	require.Equal(t, 1, keys)
}

func TestRun_MigratesOnlyAsTheOwner(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS})
	env := slices.DeleteFunc(environment(t, db), func(pair string) bool { return strings.HasPrefix(pair, "MIGRATE_") })
	require.ErrorContains(t, run(t.Context(), []string{"migrate"}, env, &logs{}), "MIGRATE_DATABASE_URL")
}

func TestRun_RefusesToStartOnAMistake(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS})
	for name, c := range map[string]struct {
		args []string
		env  []string
		want string
	}{
		"unknown command":    {[]string{"dance"}, nil, "no command"},
		"two commands":       {[]string{"serve", "migrate"}, nil, "one command"},
		"unreadable secret":  {[]string{"migrate"}, []string{"MIGRATE_DATABASE_URL_FILE=/nowhere"}, "MIGRATE_DATABASE_URL"},
		"bad setting":        {nil, []string{"ACCESS_TTL=soon"}, "ACCESS_TTL"},
		"Cognito":            {nil, []string{"COGNITO_USER_POOL_ID=eu-1_x"}, "COGNITO_CLIENT_ID"},
		"bad address":        {nil, []string{"AUTH_ADDR=256.0.0.1:99999"}, "listen"},
		"bad second address": {nil, []string{"AUTH_INTERNAL_ADDR=256.0.0.1:99999"}, "listen"},
		"bad collector":      {nil, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=nowhere"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), c.args, environment(t, db, c.env...), &logs{})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestRun_SaysItsVersionAndProbesItself_WithoutAConfiguration(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--version"}, nil, &out))
	require.Regexp(t, `^auth dev \(commit .*\)\n$`, out.String())
	require.ErrorContains(t, run(t.Context(), []string{"healthcheck"}, []string{"AUTH_ADDR=127.0.0.1:1"}, &out), "refused")
	require.ErrorContains(t, run(t.Context(), []string{"healthcheck", "everything"}, nil, &out), "healthcheck")
}
