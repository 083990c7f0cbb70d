package auth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/tokens"
)

const (
	password      = "a river of cold tea"
	newPassword   = "two oxen in the rain"
	internalToken = "internal-canary-token"
)

// clock runs like the real one and can be moved ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// system is an assembled auth service on a database of its own.
type system struct {
	*auth.Service
	t        *testing.T
	db       *pgtest.DB
	cfg      auth.Config
	clock    *clock
	url      string
	internal string
	wallets  *wallets
	logs     *buffer
	aws      *aws.Config // nil: none
}

// wallets stands in for the transaction service.
type wallets struct {
	status atomic.Int32
	mu     sync.Mutex
	asked  []string
}

func (w *wallets) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.asked = append(w.asked, r.URL.Path+" "+r.Header.Get("Authorization"))
	w.mu.Unlock()
	rw.WriteHeader(int(w.status.Load()))
	_, _ = rw.Write([]byte(`{"code":"wallets_not_closed"}`))
}

type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func signingKeyPEM(t *testing.T) config.Secret {
	t.Helper()
	return config.Secret(privatePEM(t, tokens.New(t).Key()))
}

func setup(t *testing.T, changes ...func(*auth.Config)) *system {
	t.Helper()
	s := prepare(t)
	for _, change := range changes {
		change(&s.cfg)
	}
	s.start()
	return s
}

// prepare is a system that is not started yet.
func prepare(t *testing.T) *system {
	t.Helper()
	s := &system{t: t, db: pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS}), clock: &clock{}, wallets: &wallets{}, logs: &buffer{}}
	s.wallets.status.Store(http.StatusNoContent)
	transaction := httptest.NewServer(s.wallets)
	t.Cleanup(transaction.Close)
	cfg, err := config.Load[auth.Config]([]string{
		"DATABASE_URL=" + s.db.DSN, "LOCAL_MODE=true", "MAIL_DIR=" + t.TempDir(), "MAIL_POLL=10ms", "INTERNAL_TOKEN=" + internalToken,
		"TRANSACTION_URL=" + transaction.URL, "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "AUTH_ISSUER=https://pay.example",
		"SIGNING_KEY=" + signingKeyPEM(t).Reveal(), "DATABASE_MAX_OPEN_CONNS=8",
	})
	require.NoError(t, err)
	s.cfg = cfg
	return s
}

// start runs the service; calling it again is a restart, or a replica.
func (s *system) start() {
	s.t.Helper()
	log := slog.New(slog.NewJSONHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	service, err := auth.New(s.t.Context(), s.cfg, auth.Deps{Log: log, Now: s.clock.Now, AWS: s.aws})
	require.NoError(s.t, err)
	around := func(h http.Handler) http.Handler {
		return httpserver.Middleware(httpserver.Options{Config: s.cfg.HTTP, Log: log, Registry: prometheus.NewRegistry()})(h)
	}
	public, internal := httptest.NewServer(around(service.Public())), httptest.NewServer(around(service.Internal()))
	s.t.Cleanup(func() {
		public.Close()
		internal.Close()
		require.NoError(s.t, service.Close())
	})
	s.Service, s.url, s.internal = service, public.URL, internal.URL
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Raw    string
	Body   map[string]any
}

func (a answer) code() string {
	code, _ := a.Body["code"].(string)
	return code
}

func (a answer) text(path ...string) string {
	var at any = a.Body
	for _, p := range path {
		at, _ = at.(map[string]any)[p]
	}
	return fmt.Sprint(at)
}

func (s *system) send(r *http.Request) answer {
	s.t.Helper()
	response, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, response.Body.Close()) }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	a := answer{Status: response.StatusCode, Header: response.Header, Raw: string(raw)}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		require.NoError(s.t, json.Unmarshal(raw, &a.Body))
	}
	described.note(s.t, r, a)
	return a
}

func (s *system) request(method, path, token, body string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func (s *system) call(method, path, token string, body any) answer {
	s.t.Helper()
	text := ""
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(s.t, err)
		text = string(raw)
	}
	return s.send(s.request(method, path, token, text))
}

type fields map[string]any

func (s *system) register(email string) answer {
	s.t.Helper()
	return s.call("POST", "/auth/register", "", fields{"email": email, "password": password, "name": "Ann Lee"})
}

func (s *system) login(email, password string) answer {
	s.t.Helper()
	return s.call("POST", "/auth/login", "", fields{"email": email, "password": password})
}

// person registers and logs in.
func (s *system) person(email string) (access, refresh string) {
	s.t.Helper()
	require.Equal(s.t, http.StatusCreated, s.register(email).Status)
	a := s.login(email, password)
	require.Equal(s.t, http.StatusOK, a.Status, a.Raw)
	return a.text("access_token"), a.text("refresh_token")
}

func (s *system) asService(path string, query url.Values) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.internal+path+"?"+query.Encode(), http.NoBody)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+internalToken)
	return s.send(r)
}

var codePattern = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){2}`)

// mailedCode waits for the n-th mail to an address and reads its code.
func (s *system) mailedCode(to string, n int) string {
	s.t.Helper()
	var letters []any
	require.Eventually(s.t, func() bool {
		a := s.call("GET", "/dev/mail?limit=50&to="+url.QueryEscape(to), "", nil)
		letters, _ = a.Body["data"].([]any)
		return len(letters) == n
	}, 5*time.Second, 10*time.Millisecond)
	newest, _ := letters[0].(map[string]any)
	return codePattern.FindString(fmt.Sprint(newest["text"]))
}

// run starts the background work until the test ends.
func (s *system) run() {
	s.t.Helper()
	stopped := make(chan struct{})
	ctx, stop := contextOf(s.t)
	go func() { defer close(stopped); _ = s.Run(ctx) }()
	s.t.Cleanup(func() { stop(); <-stopped })
}

func requireProblem(t *testing.T, a answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, a.Status, a.Raw)
	require.Equal(t, code, a.code())
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	require.Equal(t, "urn:micropay:problem:"+code, a.text("type"))
}

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && !described.complete() {
		code = 1
	}
	os.Exit(code)
}
