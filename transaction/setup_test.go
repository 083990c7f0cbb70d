package transaction_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/testing/openapi"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/tokens"
	"github.com/micropay/micropay/transaction"
	"github.com/micropay/micropay/transaction/adapters/rest"
	"github.com/micropay/micropay/transaction/migrations"
)

const serviceToken = "a-token-between-services"

// described is openapi.yaml, to which every answer that a test gets is held.
var described = sync.OnceValue(func() *openapi.Doc {
	doc, err := openapi.Parse(rest.OpenAPI, openapi.Anywhere(http.StatusMethodNotAllowed, http.StatusRequestTimeout,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable))
	if err != nil {
		panic(err)
	}
	return doc
})

// complaints turns what the document misses into a failed test binary.
type complaints struct{ failed bool }

func (c *complaints) Helper() {}

func (c *complaints) Errorf(format string, args ...any) {
	c.failed = true
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	var c complaints
	if flag.Lookup("test.run").Value.String() == "" { // only all tests together see every answer
		described().AssertAnswersSeen(&c)
	}
	if c.failed {
		code = 1
	}
	os.Exit(code)
}

// platform is the service on a real database, with an auth service that tests can direct.
type platform struct {
	t      *testing.T
	db     *pgtest.DB
	issuer *tokens.Issuer
	auth   *authStub
	config transaction.Config
	*transaction.Service
	handler http.Handler
}

// authStub answers as auth's internal API does.
type authStub struct {
	down    atomic.Bool
	asked   atomic.Int64
	people  atomic.Pointer[map[string]string]
	revoked atomic.Pointer[string] // a session
}

func (a *authStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked.Add(1)
	people, revoked := a.people.Load(), a.revoked.Load()
	switch {
	case a.down.Load():
		w.WriteHeader(http.StatusBadGateway)
	case r.Header.Get("Authorization") != "Bearer "+serviceToken:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/internal/auth/users" && people != nil && (*people)[r.URL.Query().Get("email")] != "":
		_, _ = fmt.Fprintf(w, `{"id":%q,"name":"x"}`, (*people)[r.URL.Query().Get("email")])
	case r.URL.Path == "/internal/auth/users":
		w.WriteHeader(http.StatusNotFound)
	case revoked != nil && r.URL.Query().Get("after") == "":
		_, _ = fmt.Fprintf(w, `{"data":[{"kind":"session","id":%q,"revoked_at":%q,"expires_at":%q}],"next_cursor":"1"}`,
			*revoked, time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	default:
		_, _ = fmt.Fprintf(w, `{"data":[],"next_cursor":%q}`, r.URL.Query().Get("after"))
	}
}

func setup(t *testing.T, env ...string) *platform {
	t.Helper()
	p := &platform{t: t, db: pgtest.New(t, pgtest.Schema{Name: transaction.Schema, FS: migrations.FS}), issuer: tokens.New(t), auth: &authStub{}}
	authServer := httptest.NewServer(p.auth)
	t.Cleanup(authServer.Close)
	var err error
	p.config, err = config.Load[transaction.Config](append([]string{
		"DATABASE_URL=" + p.db.DSN, "AUTH_ISSUER=" + p.issuer.URL(), "AUTH_URL=" + authServer.URL, "INTERNAL_TOKEN=" + serviceToken,
		"REVOCATION_POLL=10ms", "RECONCILE_INTERVAL=10ms", "PAYMENT_PATIENCE=5s", "PAYMENT_LOOK_AFTER=20ms", "PAYMENT_SANDBOX=true",
		"AUTH_CLIENT_ID=" + tokens.ClientID,
	}, env...))
	require.NoError(t, err)
	p.start()
	return p
}

// start starts the service; again after stop, it is a restart.
func (p *platform) start() (stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	log := slog.New(slog.DiscardHandler)
	reg := prometheus.NewRegistry()
	s, err := transaction.New(ctx, p.config, transaction.Deps{Log: log, Registry: reg})
	require.NoError(p.t, err)
	done := make(chan bool)
	go func() {
		_ = s.Run(ctx)
		close(done)
	}()
	p.Service = s
	p.handler = described().Record(p.t, httpserver.Middleware(httpserver.Options{Config: p.config.HTTP, Log: log, Registry: reg})(s.Public()))
	stopped := func() {
		cancel()
		<-done
		_ = s.Close()
	}
	p.t.Cleanup(stopped)
	health, router := httpserver.NewHealth(), httpserver.NewRouter()
	s.Health(health)
	health.Routes(router)
	require.Eventually(p.t, func() bool {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code == http.StatusOK
	}, 10*time.Second, 20*time.Millisecond)
	return stopped
}

// person is somebody with an access token.
type person struct {
	*platform
	id, token string
}

func (p *platform) person(opts ...tokens.Option) person {
	id := uuid.NewString()
	return person{p, id, p.issuer.Mint(append([]tokens.Option{tokens.Subject(id)}, opts...)...)}
}

// answer is a status, a header and a decoded body.
type answer struct {
	Status int
	Header http.Header
	Text   string
	Body   map[string]any
}

func (a answer) code() string { return fmt.Sprint(a.Body["code"]) }

func (p person) call(method, path, body string, header ...string) answer {
	p.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = bytes.NewBufferString(body)
	}
	r := httptest.NewRequestWithContext(p.t.Context(), method, "/transaction"+path, reader)
	r.Header.Set("Authorization", "Bearer "+p.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	a := answer{Status: w.Code, Header: w.Header(), Text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.Body) // CSV is no JSON
	require.Less(p.t, a.Status, 600)
	require.NotEqual(p.t, http.StatusInternalServerError, a.Status, "%s %s %s: %s", method, path, body, a.Text)
	return a
}

func (p person) get(path string) answer { p.t.Helper(); return p.call(http.MethodGet, path, "") }

// move posts with a fresh idempotency key.
func (p person) move(path, format string, args ...any) answer {
	p.t.Helper()
	return p.call(http.MethodPost, path, fmt.Sprintf(format, args...), "Idempotency-Key", uuid.NewString())
}

// wallet opens a wallet, tops it up and returns its id.
func (p person) wallet(currency string, amount int) string {
	p.t.Helper()
	a := p.call(http.MethodPost, "/wallets", fmt.Sprintf(`{"currency":%q}`, currency))
	require.Equal(p.t, http.StatusCreated, a.Status, a.Text)
	id := fmt.Sprint(a.Body["id"])
	if amount > 0 {
		a = p.move("/topups", `{"wallet_id":%q,"amount":%d,"currency":%q,"provider":"sandbox"}`, id, amount, currency)
		require.Equal(p.t, http.StatusCreated, a.Status, a.Text)
	}
	return id
}

func (p person) send(from, to string, amount int, currency string) answer {
	p.t.Helper()
	return p.move("/transfers", `{"from_wallet_id":%q,"to_wallet_id":%q,"amount":%d,"currency":%q,"description":"lunch"}`, from, to, amount, currency)
}

func (p person) balance(wallet string) int {
	p.t.Helper()
	a := p.get("/wallets/" + wallet)
	require.Equal(p.t, http.StatusOK, a.Status, a.Text)
	return int(a.Body["balance"].(map[string]any)["amount"].(float64))
}
