package resilience_test

import (
	"bytes"
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
	status int
	takes  time.Duration
	calls  int
}

func (p *psp) RoundTrip(*http.Request) (*http.Response, error) {
	p.calls++
	time.Sleep(p.takes)
	return &http.Response{StatusCode: p.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}, nil
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
