package load_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/load"
)

// platform is a small one, which may be told to fail.
type platform struct {
	mu       sync.Mutex
	balances map[string]int64
	keys     map[string]string // of transfers
	asked    int
	register http.HandlerFunc // instead
	fault    func(n int, r *http.Request) (instead http.HandlerFunc)
	forget   bool // it answers transfers that it does not keep
	double   bool // and keeps them twice
}

func newPlatform(t *testing.T) (*platform, string) {
	t.Helper()
	p := &platform{balances: map[string]int64{}, keys: map[string]string{}}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return p, s.URL
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var in struct {
		From   string `json:"from_wallet_id"`
		To     string `json:"to_wallet_id"`
		Wallet string `json:"wallet_id"`
		Amount int64
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	answer := func(status int, body any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	type object = map[string]any
	if r.URL.Path == "/transaction/transfers" || r.Method == http.MethodGet && r.URL.Path == "/auth/me" {
		p.asked++
		if p.fault != nil {
			if instead := p.fault(p.asked, r); instead != nil {
				instead(w, r)
				return
			}
		}
	}
	switch {
	case r.URL.Path == "/auth/register" && p.register != nil:
		p.register(w, r)
	case r.URL.Path == "/auth/register":
		answer(http.StatusCreated, object{})
	case r.URL.Path == "/auth/login":
		answer(http.StatusOK, object{"access_token": uuid.NewString()})
	case r.URL.Path == "/auth/me":
		answer(http.StatusOK, object{})
	case r.Method == http.MethodPost && r.URL.Path == "/transaction/wallets":
		id := uuid.NewString()
		p.balances[id] = 0
		answer(http.StatusCreated, object{"id": id})
	case r.URL.Path == "/transaction/topups":
		p.balances[in.Wallet] += in.Amount
		answer(http.StatusCreated, object{})
	case r.Method == http.MethodPost && r.URL.Path == "/transaction/transfers":
		key := r.Header.Get("Idempotency-Key")
		id, again := p.keys[key]
		if !again {
			id = uuid.NewString()
			if !p.forget {
				p.keys[key] = id
				p.balances[in.From] -= in.Amount
				p.balances[in.To] += in.Amount
			}
			if p.double {
				p.balances[in.From] -= in.Amount
			}
		}
		answer(http.StatusCreated, object{"id": id})
	case strings.HasPrefix(r.URL.Path, "/transaction/transfers/"):
		for _, id := range p.keys {
			if strings.HasSuffix(r.URL.Path, id) {
				answer(http.StatusOK, object{"id": id})
				return
			}
		}
		answer(http.StatusNotFound, object{})
	default:
		id := strings.TrimPrefix(r.URL.Path, "/transaction/wallets/")
		answer(http.StatusOK, object{"id": id, "balance": object{"amount": p.balances[id]}})
	}
}

func run(t *testing.T, url string, clients, calls int) (*load.Load, load.Summary, string) {
	t.Helper()
	var lines bytes.Buffer
	l := &load.Load{URL: url, Clients: clients, Every: time.Millisecond, Timeout: 200 * time.Millisecond, Out: &lines}
	require.NoError(t, l.Prepare(t.Context()))
	l.Start(t.Context())
	require.Eventually(t, func() bool { return l.Sent() >= calls }, 20*time.Second, time.Millisecond)
	return l, l.Stop(), lines.String()
}

func TestLoad_EveryFailedRequestIsCounted(t *testing.T) {
	t.Parallel()
	p, url := newPlatform(t)
	p.fault = func(n int, _ *http.Request) http.HandlerFunc {
		switch n {
		case 10: // the connection is closed without an answer
			return func(w http.ResponseWriter, _ *http.Request) {
				c, _, _ := w.(http.Hijacker).Hijack()
				_ = c.Close()
			}
		case 20, 21:
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
		case 30:
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }
		case 40: // no answer in time
			return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		case 50: // an answer that nobody expects
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
		}
		return nil
	}
	l, sum, lines := run(t, url, 1, 200)
	require.Equal(t, 6, sum.Failed, lines)
	require.GreaterOrEqual(t, sum.Sent, 200)
	require.Less(t, sum.Connections, 10, "connections are kept")
	require.Positive(t, sum.FailedFor)
	verdict, err := l.Verify(t.Context())
	require.NoError(t, err)
	require.Zero(t, verdict.Lost+verdict.Wrong, "what failed was repeated until it was known")
	require.Equal(t, sum.Transfers, verdict.Transfers)

	var sent, failed, told int
	for scan := bufio.NewScanner(strings.NewReader(lines)); scan.Scan(); {
		var line struct {
			Sent, Failed int
			Error        string
		}
		require.NoError(t, json.Unmarshal(scan.Bytes(), &line))
		sent, failed = sent+line.Sent, failed+line.Failed
		if line.Error != "" {
			told++
		}
	}
	require.Equal(t, sum.Sent, sent)
	require.Equal(t, 6, failed)
	require.Equal(t, 6, told)
}

func TestVerify_WhatWasAnsweredAndIsNotThere_IsFound(t *testing.T) {
	t.Parallel()
	p, url := newPlatform(t)
	paid := 0
	p.fault = func(_ int, r *http.Request) http.HandlerFunc {
		if r.Method == http.MethodPost {
			paid++
		}
		p.forget, p.double = paid == 10, paid == 12
		return nil
	}
	l, sum, _ := run(t, url, 2, 60)
	require.Zero(t, sum.Failed)
	verdict, err := l.Verify(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, verdict.Lost)
	require.Positive(t, verdict.Wrong, "balances tell")
}

func TestPrepare_AnAddressThatIsTaken_IsOursOnlyAfterALostAnswer(t *testing.T) {
	t.Parallel()
	taken := func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"code":"email_taken"}`))
	}
	p, url := newPlatform(t)
	p.register = func(w http.ResponseWriter, _ *http.Request) { taken(w) }
	l := &load.Load{URL: url, Clients: 1, Every: time.Millisecond, Timeout: time.Second}
	require.ErrorContains(t, l.Prepare(t.Context()), "email_taken", "by somebody else")

	for name, lost := range map[string]func(http.ResponseWriter){
		"no answer": func(w http.ResponseWriter) {
			c, _, _ := w.(http.Hijacker).Hijack()
			_ = c.Close()
		},
		"a router's answer": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
	} {
		p, url := newPlatform(t)
		tried := 0
		p.register = func(w http.ResponseWriter, _ *http.Request) {
			if tried++; tried == 1 {
				lost(w)
				return
			}
			taken(w)
		}
		l := &load.Load{URL: url, Clients: 1, Every: time.Millisecond, Timeout: time.Second}
		require.NoError(t, l.Prepare(t.Context()), name)
		require.Equal(t, 2, tried, name)
	}
}
