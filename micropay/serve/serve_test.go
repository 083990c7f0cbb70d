package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/micropay/home"
	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/database"
)

// environment is of a platform on free ports with quick passwords.
func environment(dir string, more ...string) []string {
	return append([]string{
		"MICROPAY_DATA=" + dir, "LISTEN_ADDR=127.0.0.1:0", "INTERNAL_ADDR=127.0.0.1:0", "AUTH_ISSUER=http://localhost:8000",
		"ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "DRAIN_DELAY=10ms", "REVOCATION_POLL=20ms",
	}, more...)
}

func start(t *testing.T, dir string, more ...string) *serve.Platform {
	t.Helper()
	c, err := serve.Load(environment(dir, more...))
	require.NoError(t, err)
	p, err := serve.Start(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Stop() })
	require.Eventually(t, func() bool { return status(t, p.URL+"/readyz") == http.StatusOK }, 20*time.Second, 20*time.Millisecond)
	return p
}

func status(t *testing.T, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// call posts body, or gets when it is nil, and returns what is answered with the wanted status.
func call(t *testing.T, want int, url, token string, body map[string]any) map[string]any {
	t.Helper()
	method, content := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		content, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(content))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", uuid.NewString())
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, want, answer.StatusCode, string(text))
	var out map[string]any
	_ = json.Unmarshal(text, &out)
	return out
}

// person registers somebody, and returns a token and the id of the first wallet.
func person(t *testing.T, base, email string) (token, wallet string) {
	t.Helper()
	login := map[string]any{"email": email, "password": "correct horse battery"}
	call(t, 201, base+"/auth/register", "", map[string]any{"email": email, "password": login["password"], "name": "N"})
	token = fmt.Sprint(call(t, 200, base+"/auth/login", "", login)["access_token"])
	wallets := call(t, 200, base+"/transaction/wallets", token, nil)["data"].([]any)
	return token, fmt.Sprint(wallets[0].(map[string]any)["id"])
}

func TestMoneyMovesAndIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir)
	ann, from := person(t, p.URL, "ann@example.com")
	person(t, p.URL, "bob@example.com")
	call(t, 201, p.URL+"/transaction/topups", ann, map[string]any{"wallet_id": from, "amount": 1000, "currency": "USD", "provider": "sandbox"})
	sent := call(t, 201, p.URL+"/transaction/transfers", ann, map[string]any{"from_wallet_id": from, "to_email": "bob@example.com", "amount": 300, "currency": "USD"})
	require.NoError(t, p.Stop())
	require.NoError(t, p.Stop(), "stopping twice is once")

	p = start(t, dir)
	got := call(t, 200, p.URL+"/transaction/transfers/"+fmt.Sprint(sent["id"]), ann, nil)
	require.Equal(t, sent["id"], got["id"])
	require.InDelta(t, 700, call(t, 200, p.URL+"/transaction/wallets/"+from, ann, nil)["balance"].(map[string]any)["amount"], 0)

	db, err := database.Open(t.Context(), database.Config{DSN: p.AdminDSN})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	report, err := audit.Run(t.Context(), db, audit.Options{})
	require.NoError(t, err)
	require.Zero(t, report.Violations(), report.Checks)
	require.EqualValues(t, 4, report.Entries)
}

func TestWhatIsPublicAndWhatIsNot(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	for path, want := range map[string]int{
		"/livez": 200, "/readyz": 200, "/openapi.json": 200, "/docs": 200, "/.well-known/jwks.json": 200, "/.well-known/openid-configuration": 200,
		"/dev/mail": 200, "/auth/me": 401, "/transaction/wallets": 401, "/transaction/none": 404,
		"/metrics": 404, "/internal/auth/users": 404, "/internal/auth/revocations": 404, "/": 404, "/nothing": 404,
	} {
		require.Equal(t, want, status(t, p.URL+path), path)
	}
	for path, want := range map[string]int{
		"/metrics": 200, "/internal/auth/users?email=a@b.c": 401, "/internal/auth/revocations": 401, "/auth/me": 404, "/transaction/wallets": 404,
	} {
		require.Equal(t, want, status(t, p.InternalURL+path), path)
	}
}

func TestASecondPlatformOnTheSameDataIsRefusedAndHarmsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir)
	c, err := serve.Load(environment(dir))
	require.NoError(t, err)
	_, err = serve.Start(t.Context(), c)
	require.ErrorIs(t, err, home.ErrRunning)
	require.ErrorContains(t, err, dir)
	require.Equal(t, 200, status(t, p.URL+"/livez"))
	person(t, p.URL, "ann@example.com")
}

func TestATakenPortIsNamed(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	for _, name := range []string{"LISTEN_ADDR", "INTERNAL_ADDR"} {
		c, err := serve.Load(environment(t.TempDir(), "LISTEN_ADDR=127.0.0.1:0"))
		require.NoError(t, err)
		if name == "LISTEN_ADDR" {
			c.Addr = l.Addr().String()
		} else {
			c.InternalAddr = l.Addr().String()
		}
		_, err = serve.Start(t.Context(), c)
		require.ErrorContains(t, err, name+": another program listens on "+l.Addr().String())
		_, err = os.Stat(filepath.Join(c.Data, "postgres"))
		require.ErrorIs(t, err, os.ErrNotExist, "nothing was started")
	}
}

func TestTheDatabaseDyingIsMendedWithoutARestart(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	ann, _ := person(t, p.URL, "ann@example.com")
	killPostmaster(t, p)
	require.Eventually(t, func() bool {
		return status(t, p.URL+"/readyz") == 200 && status(t, p.URL+"/dev/mail") == 200
	}, 20*time.Second, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/transaction/wallets", nil)
		r.Header.Set("Authorization", "Bearer "+ann)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		require.Contains(t, []int{200, 503}, answer.StatusCode)
		return answer.StatusCode == 200
	}, 10*time.Second, 20*time.Millisecond)
}

func TestMigrateManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	c, err := serve.Load(environment(t.TempDir()))
	require.NoError(t, err)
	migrate := func() {
		var all sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			all.Go(func() { _, errs[i] = serve.Migrate(t.Context(), c) })
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	migrate()
	p := start(t, c.Data)
	migrate() // beside the running platform
	person(t, p.URL, "ann@example.com")
}

func TestMistakesInTheConfigurationAreReportedTogetherAndOnce(t *testing.T) {
	t.Parallel()
	_, err := serve.Load([]string{"BODY_LIMIT=0", "WALLET_LIMIT=0", "PASSWORD_MIN_LENGTH=3", "LOG_FORMAT=xml", "DEFAULT_CURRENCY=XXQ"})
	for _, name := range []string{"BODY_LIMIT", "WALLET_LIMIT", "PASSWORD_MIN_LENGTH", "LOG_FORMAT", "DEFAULT_CURRENCY"} {
		require.ErrorContains(t, err, name)
		require.Equal(t, 1, strings.Count(err.Error(), name), "%s in %v", name, err)
	}
	_, err = serve.Load(nil)
	require.NoError(t, err, "nothing has to be set")
}
