// Package attacks is what strangers send: requests made from the documents by chance, and things that
// are meant to harm. It all goes by sockets to a whole platform on a PostgreSQL of its own.
// MICROPAY_TORTURE=20 makes each go on twenty times as long (make torture).
package attacks_test

import (
	"bytes"
	"encoding/json"
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

const (
	start    = 1_000_00 // what a wallet holds at first, minor units
	password = "nine patient owls in a barn"
)

type object = map[string]any

type world struct {
	t   *testing.T
	url string
	db  *sqlx.DB
}

type person struct{ email, token, refresh, wallet string }

func newWorld(t *testing.T, env ...string) *world {
	t.Helper()
	server := pgtest.NewServer(t)
	c, err := serve.Load(append([]string{
		"DATABASE_URL=" + server.AdminDSN(), "MICROPAY_DATA=" + t.TempDir(), "LISTEN_ADDR=127.0.0.1:0", "INTERNAL_ADDR=127.0.0.1:0",
		"AUTH_ISSUER=http://localhost:8000", "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "DRAIN_DELAY=10ms", "RATE_LIMIT=0",
		"LOGIN_ADDRESS_FREE_ATTEMPTS=1000000", "LOG_LEVEL=error",
	}, env...))
	require.NoError(t, err)
	platform, err := serve.Start(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, platform.Stop()) })
	db, err := database.Open(t.Context(), database.Config{DSN: server.AdminDSN(), MaxOpen: 2})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return &world{t: t, url: platform.URL, db: db}
}

// call sends JSON and reads the answer into dst.
func (w *world) call(method, path, token string, in, dst any) int {
	w.t.Helper()
	body, err := json.Marshal(in)
	require.NoError(w.t, err)
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader(body))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", uuid.NewString())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	if dst != nil {
		require.NoError(w.t, json.NewDecoder(resp.Body).Decode(dst))
	}
	return resp.StatusCode
}

// join is a new person with money.
func (w *world) join() person {
	w.t.Helper()
	p := person{email: uuid.NewString() + "@example.com"}
	require.Equal(w.t, http.StatusCreated, w.call(http.MethodPost, "/auth/register", "", object{"email": p.email, "password": password, "name": "Somebody"}, nil))
	var session struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	require.Equal(w.t, http.StatusOK, w.call(http.MethodPost, "/auth/login", "", object{"email": p.email, "password": password}, &session))
	p.token, p.refresh = session.Access, session.Refresh
	var wallets struct{ Data []struct{ ID string } }
	require.Equal(w.t, http.StatusOK, w.call(http.MethodGet, "/transaction/wallets", p.token, nil, &wallets))
	p.wallet = wallets.Data[0].ID
	require.Equal(w.t, http.StatusCreated, w.call(http.MethodPost, "/transaction/topups", p.token,
		object{"wallet_id": p.wallet, "amount": start, "currency": "USD", "provider": "sandbox"}, nil))
	return p
}

// clean holds the ledger to its rules.
func (w *world) clean() {
	w.t.Helper()
	report, err := audit.Run(w.t.Context(), w.db, audit.Options{OutboxKeep: time.Hour})
	require.NoError(w.t, err)
	require.Zero(w.t, report.Violations(), "%+v", report.Checks)
}
