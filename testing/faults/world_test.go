// Package faults breaks what MicroPay stands on, while people pay, and then asks whether the
// promises held: no answered transfer is lost, none happens twice, what is refused moved
// nothing, and the platform recovers by itself.
//
// Every fault is done to a whole platform on a PostgreSQL of its own. MICROPAY_TORTURE=20 makes
// each go on twenty times as long (make torture).
package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/testing/pgtest"
)

// Bounds that the tests hold the platform to.
const (
	requestTimeout = 3 * time.Second
	recovery       = 10 * time.Second // from the end of a fault to readiness
	start          = 1_000_00         // what a person's wallet holds at first, minor units
	password       = "four slow herons on a roof"
)

// world is a platform on a server that is there to be harmed, and people who pay each other.
type world struct {
	t        testing.TB
	server   *pgtest.Server
	platform *serve.Platform
	admin    *sqlx.DB // past everything, for looking and for harm
	people   []person
}

type person struct{ token, wallet, email string }

type options struct {
	people int
	log    io.Writer                                         // of the platform
	via    func(t *testing.T, s *pgtest.Server) (dsn string) // how the platform reaches the server
	env    []string
}

func newWorld(t *testing.T, o options) *world {
	t.Helper()
	w := &world{t: t, server: pgtest.NewServer(t)}
	dsn := w.server.AdminDSN()
	if o.via != nil {
		dsn = o.via(t, w.server)
	}
	w.platform = startPlatform(t, dsn, o.log, o.env...)
	w.admin = w.open(w.server.AdminDSN())
	for i := range max(2, o.people) {
		w.people = append(w.people, w.register(fmt.Sprintf("person%d@example.com", i)))
	}
	return w
}

func startPlatform(t *testing.T, dsn string, log io.Writer, env ...string) *serve.Platform {
	t.Helper()
	p, err := tryPlatform(t, dsn, log, env...)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return probe(p, "/readyz") == http.StatusOK }, 30*time.Second, 20*time.Millisecond)
	return p
}

func tryPlatform(t *testing.T, dsn string, log io.Writer, env ...string) (*serve.Platform, error) {
	c, err := serve.Load(append([]string{
		"DATABASE_URL=" + dsn, "MICROPAY_DATA=" + t.TempDir(), "LISTEN_ADDR=127.0.0.1:0", "INTERNAL_ADDR=127.0.0.1:0",
		"AUTH_ISSUER=http://localhost:8000", "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "DRAIN_DELAY=10ms", "REVOCATION_POLL=50ms",
		"DATABASE_STATEMENT_TIMEOUT=1s", "DATABASE_LOCK_TIMEOUT=300ms", "DATABASE_CONNECT_TIMEOUT=1s", "LEDGER_GROUP_TIMEOUT=1500ms",
		"REQUEST_TIMEOUT=" + requestTimeout.String(), "RATE_LIMIT=0", "LOG_LEVEL=debug",
	}, env...))
	if err != nil {
		return nil, err
	}
	if log != nil {
		c.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p, err := serve.Start(t.Context(), c)
	if err == nil {
		t.Cleanup(func() { _ = p.Stop() })
	}
	return p, err
}

func (w *world) open(dsn string) *sqlx.DB {
	w.t.Helper()
	db, err := database.Open(w.t.Context(), database.Config{DSN: dsn, ApplicationName: "faults", StatementTimeout: time.Minute, LockTimeout: -1})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

// answer is what a call was answered; Status 0 means that there was no answer.
type answer struct {
	Status int
	Header http.Header
	Text   string
	Body   map[string]any
	Took   time.Duration
}

func (a answer) code() string { return fmt.Sprint(a.Body["code"]) }

// unknown says that the call may or may not have had its effect.
func (a answer) unknown() bool {
	return a.Status == 0 || a.Status >= 500 || a.Status == http.StatusRequestTimeout || a.Status == http.StatusTooManyRequests ||
		a.code() == "idempotency_key_in_progress"
}

type fields = map[string]any

// client gives up long after the platform must have answered.
var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func call(p *serve.Platform, token, key, method, path string, body any) answer {
	var content []byte
	switch b := body.(type) {
	case nil:
	case string:
		content = []byte(b)
	default:
		content, _ = json.Marshal(b)
	}
	req, err := http.NewRequest(method, p.URL+path, bytes.NewReader(content)) //nolint:noctx // the client has a timeout
	if err != nil {
		panic(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	began := time.Now()
	resp, err := client.Do(req)
	a := answer{Took: time.Since(began)}
	if err != nil {
		return a
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a
	}
	a.Took, a.Status, a.Header, a.Text = time.Since(began), resp.StatusCode, resp.Header, string(text)
	_ = json.Unmarshal(text, &a.Body)
	return a
}

func probe(p *serve.Platform, path string) int {
	return call(p, "", "", http.MethodGet, path, nil).Status
}

func (w *world) call(who person, key, method, path string, body any) answer {
	a := call(w.platform, who.token, key, method, path, body)
	if a.Status == http.StatusInternalServerError {
		w.t.Errorf("%s %s: %s", method, path, a.Text)
	}
	return a
}

func (w *world) get(who person, path string) answer {
	return w.call(who, "", http.MethodGet, path, nil)
}

// must is a call under a new key that is done.
func (w *world) must(who person, method, path string, body any) answer {
	w.t.Helper()
	a := w.call(who, uuid.NewString(), method, path, body)
	require.Less(w.t, a.Status, 300, a.Text)
	require.NotZero(w.t, a.Status)
	return a
}

func (w *world) register(email string) person {
	w.t.Helper()
	w.must(person{}, http.MethodPost, "/auth/register", fields{"email": email, "password": password, "name": "N"})
	login := w.must(person{}, http.MethodPost, "/auth/login", fields{"email": email, "password": password})
	p := person{token: fmt.Sprint(login.Body["access_token"]), email: email}
	wallets := w.must(p, http.MethodGet, "/transaction/wallets", nil)
	p.wallet = fmt.Sprint(wallets.Body["data"].([]any)[0].(map[string]any)["id"])
	w.topUp(p, start)
	return p
}

func (w *world) topUp(p person, amount int) {
	w.t.Helper()
	a := w.must(p, http.MethodPost, "/transaction/topups", fields{"wallet_id": p.wallet, "amount": amount, "currency": "USD", "provider": "sandbox"})
	require.Equal(w.t, "succeeded", a.Body["status"])
}

func transferOf(from, to person, amount int) fields {
	return fields{"from_wallet_id": from.wallet, "to_wallet_id": to.wallet, "amount": amount, "currency": "USD"}
}

func (w *world) pay(from, to person, amount int, key string) answer {
	return w.call(from, key, http.MethodPost, "/transaction/transfers", transferOf(from, to, amount))
}

// settled is a payment whose outcome is known in the end: as an answer of 503 asks, it is repeated
// under its key. A storm may be more than a small machine answers in time.
func (w *world) settled(from, to person, amount int, key string) (a answer) {
	for range 10 {
		if a = w.pay(from, to, amount, key); a.Status != http.StatusServiceUnavailable {
			break
		}
	}
	return a
}

func (w *world) balance(p person) int {
	w.t.Helper()
	a := w.get(p, "/transaction/wallets/"+p.wallet)
	require.Equal(w.t, http.StatusOK, a.Status, a.Text)
	return int(a.Body["balance"].(map[string]any)["amount"].(float64))
}

// ready waits until the platform says so by itself.
func (w *world) ready() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		require.Equal(w.t, http.StatusOK, probe(w.platform, "/livez"), "alive throughout")
		return probe(w.platform, "/readyz") == http.StatusOK
	}, recovery, 20*time.Millisecond)
}

// notReady waits until it says that it is not.
func (w *world) notReady() {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return probe(w.platform, "/readyz") == http.StatusServiceUnavailable }, 5*time.Second, 20*time.Millisecond)
	require.Equal(w.t, http.StatusOK, probe(w.platform, "/livez"))
}

// clean requires that the whole ledger adds up.
func (w *world) clean() {
	w.t.Helper()
	report, err := audit.Run(context.Background(), w.admin, audit.Options{})
	require.NoError(w.t, err)
	for _, c := range report.Checks {
		require.Zero(w.t, c.Violations, "%s: %s %v", c.Name, c.Rule, c.Examples)
	}
}

// transfers is how many stand in the ledger.
func (w *world) transfers() (n int) {
	w.t.Helper()
	require.NoError(w.t, w.admin.GetContext(w.t.Context(), &n, `SELECT count(*) FROM transaction.transfer WHERE kind = 'transfer'`))
	return n
}
