package resilience_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

// psp is a callee without a network, so that time may be a test's own.
type psp struct {
	status     int
	takes      time.Duration
	retryAfter string
	calls      int
}

func (p *psp) RoundTrip(r *http.Request) (*http.Response, error) {
	p.calls++
	select {
	case <-time.After(p.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	h := http.Header{"Retry-After": {p.retryAfter}}
	return &http.Response{StatusCode: p.status, Header: h, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func (p *psp) client(change ...func(*resilience.Config)) *resilience.Client {
	return newClient(append([]func(*resilience.Config){func(c *resilience.Config) { c.Transport = p }}, change...)...)
}

func (p *psp) called(t *testing.T, c *resilience.Client, times int) (err error) {
	t.Helper()
	for range times {
		_, err = post(t, c, "http://psp.example")
	}
	return err
}

func TestBreaker_FailingAndSlow_ChangesAsOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		reg := prometheus.NewRegistry()
		state := func(want string) {
			t.Helper()
			require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
				# HELP client_breaker_state State of the breaker before a callee: 0 closed, 1 half-open, 2 open.
				# TYPE client_breaker_state gauge
				client_breaker_state{callee="psp"} `+want+`
			`), "client_breaker_state"))
		}
		p := &psp{status: 500, takes: 2 * time.Second}
		c := p.client(func(c *resilience.Config) {
			c.SlowAfter, c.OpenFor, c.Registry = time.Second, 10*time.Second, reg
			c.Log = slog.New(slog.NewTextHandler(&logged, nil))
		})
		require.NoError(t, p.called(t, c, 4))
		require.Equal(t, 1, strings.Count(logged.String(), "to=open"), "it failed and was slow, but opened once")
		state("2")

		time.Sleep(10*time.Second + 1)
		p.status = 200
		require.NoError(t, p.called(t, c, 1), "the trial")
		require.NotContains(t, logged.String(), "to=closed", "it was good, but slow")
		require.Equal(t, 2, strings.Count(logged.String(), "to=open"))
		state("2")

		time.Sleep(10*time.Second + 1)
		p.takes = 0
		require.NoError(t, p.called(t, c, 1), "the next trial")
		require.Equal(t, 1, strings.Count(logged.String(), "to=closed"))
		state("0")
	})
}

func TestBreaker_HalfOpen_AskingTakesNoTrialAndLeavingGivesItBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &psp{status: 500}
		c := p.client(func(c *resilience.Config) { c.OpenFor, c.Probes = 10*time.Second, 2 })
		require.NoError(t, p.called(t, c, 4))
		time.Sleep(4 * time.Second)
		wait, ready := c.Ready()
		require.False(t, ready)
		require.Equal(t, 6*time.Second, wait)
		require.ErrorIs(t, p.called(t, c, 1), resilience.ErrNotSent)

		time.Sleep(wait + 1)
		for range 5 {
			requireReady(t, c, true)
		}
		p.status, p.takes = 200, time.Second
		for range 5 {
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, leave)
			_, _, err := call(t, c.Client, http.MethodPost, "http://psp.example", func(r *http.Request) { *r = *r.WithContext(ctx) })
			require.ErrorIs(t, err, context.Canceled)
		}
		require.NoError(t, p.called(t, c, 2), "both trials are still to be had")
		p.status = 500
		require.NoError(t, p.called(t, c, 3), "closed")
		requireReady(t, c, true)
	})
}

func TestClient_CountsCallsByOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		p := &psp{status: 200}
		c := p.client(func(c *resilience.Config) {
			c.Registry, c.SlowAfter, c.Timeout, c.MinimumCalls = reg, time.Second, 5*time.Second, 6
		})
		require.NoError(t, p.called(t, c, 2))
		p.takes = 2 * time.Second
		require.NoError(t, p.called(t, c, 1))
		p.takes = time.Minute
		require.ErrorIs(t, p.called(t, c, 1), context.DeadlineExceeded)
		p.takes, p.status = 0, 503
		require.NoError(t, p.called(t, c, 2))
		require.Error(t, p.called(t, c, 3))
		require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
			# HELP client_calls_total Tries to call a callee, by outcome.
			# TYPE client_calls_total counter
			client_calls_total{callee="psp",outcome="answered"} 2
			client_calls_total{callee="psp",outcome="failed"} 2
			client_calls_total{callee="psp",outcome="no_answer"} 1
			client_calls_total{callee="psp",outcome="refused"} 3
			client_calls_total{callee="psp",outcome="slow"} 1
		`), "client_calls_total"))
	})
}
