package resilience_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/micropay/micropay/shared/resilience"
)

// callee answers as the test tells it and counts the tries.
type callee struct {
	*httptest.Server
	tries  atomic.Int64
	answer atomic.Value // func(http.ResponseWriter, *http.Request)
}

func newCallee(t *testing.T, answer http.HandlerFunc) *callee {
	t.Helper()
	c := &callee{}
	c.answer.Store(answer)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.tries.Add(1)
		c.answer.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func call(t *testing.T, client *http.Client, method, url string, change ...func(*http.Request)) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for _, c := range change {
		c(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body), nil
}

func quick(change ...func(*resilience.Config)) *http.Client {
	c := resilience.Config{Name: "auth", RetryWait: time.Microsecond, MinimumCalls: 100}
	for _, f := range change {
		f(&c)
	}
	return resilience.NewClient(c)
}

func TestClient_RepeatsWhatMayBeRepeated(t *testing.T) {
	t.Parallel()
	key := func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") }
	body := func(r *http.Request) {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("hello")), nil }
		r.Body, _ = r.GetBody()
	}
	stream := func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("once")) }
	for _, tt := range []struct {
		name   string
		method string
		status int
		change []func(*http.Request)
		tries  int64
	}{
		{"GET 503", "GET", 503, nil, 3},
		{"GET 502", "GET", 502, nil, 3},
		{"GET 504", "GET", 504, nil, 3},
		{"GET 429", "GET", 429, nil, 3},
		{"DELETE", "DELETE", 503, nil, 3},
		{"PUT with a body", "PUT", 503, []func(*http.Request){body}, 3},
		{"PUT of a stream", "PUT", 503, []func(*http.Request){stream}, 1},
		{"POST", "POST", 503, nil, 1},
		{"POST with a key", "POST", 503, []func(*http.Request){key, body}, 3},
		{"GET 500", "GET", 500, nil, 1},
		{"GET 404", "GET", 404, nil, 1},
		{"GET 200", "GET", 200, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCallee(t, status(tt.status))
			got, _, err := call(t, quick(), tt.method, c.URL, tt.change...)
			require.NoError(t, err)
			require.Equal(t, tt.status, got, "the last answer is the answer")
			require.Equal(t, tt.tries, c.tries.Load())
		})
	}
}

func TestClient_RepeatsTheWholeBodyAndTakesTheFirstGoodAnswer(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var bodies []string
	c := newCallee(t, nil)
	c.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if bodies = append(bodies, string(raw)); len(bodies) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("done"))
	}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.URL, strings.NewReader("hello"))
	require.NoError(t, err)
	resp, err := quick().Do(req)
	require.NoError(t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "done", string(raw))
	require.Equal(t, []string{"hello", "hello", "hello"}, bodies)
}

func TestClient_WaitsAsLongAsTheCalleeAsks_WithinReason(t *testing.T) {
	t.Parallel()
	c := newCallee(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	got, _, err := call(t, quick(), "GET", c.URL)
	require.NoError(t, err)
	require.Equal(t, 503, got)
	require.EqualValues(t, 1, c.tries.Load(), "a minute is longer than anybody here waits")

	c.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if c.tries.Load() == 2 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	began := time.Now()
	got, _, err = call(t, quick(), "GET", c.URL)
	require.NoError(t, err)
	require.Equal(t, 200, got)
	require.GreaterOrEqual(t, time.Since(began), time.Second)
}

func TestClient_NoAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	c := newCallee(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, _, err := call(t, quick(), "GET", c.URL)
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	require.EqualValues(t, 3, c.tries.Load())
	c.Close()
	_, _, err = call(t, quick(func(c *resilience.Config) { c.Retries = -1 }), "GET", c.URL)
	require.ErrorIs(t, err, resilience.ErrUnavailable)
}

func TestClient_EachTryHasATimeout_TheBodyIncluded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	c := newCallee(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	t.Cleanup(func() { close(release) })
	_, _, err := call(t, quick(func(c *resilience.Config) { c.Timeout = 300 * time.Millisecond }), "GET", c.URL)
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualValues(t, 3, c.tries.Load())
}

func TestClient_TheBreakerOpensAndProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		reg := prometheus.NewRegistry()
		p := &psp{status: 500}
		client := quick(func(c *resilience.Config) {
			c.Transport, c.MinimumCalls, c.OpenFor, c.Registry = p, 3, 30*time.Second, reg
			c.Log = slog.New(slog.NewTextHandler(&logged, nil))
		})
		for range 3 {
			_, _, err := call(t, client, "GET", "http://auth.example")
			require.NoError(t, err)
		}
		_, _, err := call(t, client, "GET", "http://auth.example")
		require.ErrorIs(t, err, resilience.ErrUnavailable)
		require.Equal(t, 3, p.calls, "an open breaker asks nobody")
		require.Contains(t, logged.String(), "to=open")
		require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
			# HELP client_breaker_state State of the breaker before a callee: 0 closed, 1 half-open, 2 open.
			# TYPE client_breaker_state gauge
			client_breaker_state{callee="auth"} 2
		`), "client_breaker_state"))

		p.status = 200
		time.Sleep(30*time.Second + 1)
		got, _, err := call(t, client, "GET", "http://auth.example")
		require.NoError(t, err)
		require.Equal(t, 200, got)
		require.Contains(t, logged.String(), "to=closed")
	})
}

func TestClient_TheCallerAndItsMistakesDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	c := newCallee(t, status(404))
	client := quick(func(c *resilience.Config) { c.MinimumCalls = 1 })
	for range 3 {
		got, _, err := call(t, client, "GET", c.URL)
		require.NoError(t, err)
		require.Equal(t, 404, got)
	}
	arrived, release := make(chan struct{}), make(chan struct{})
	c.answer.Store(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, _, err := call(t, client, "GET", c.URL, func(r *http.Request) { *r = *r.WithContext(ctx) })
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, resilience.ErrUnavailable)
	close(release)
	c.answer.Store(status(200))
	got, _, err := call(t, client, "GET", c.URL)
	require.NoError(t, err)
	require.Equal(t, 200, got)
}

func TestClient_GivesUpWaitingWhenTheCallerDoes(t *testing.T) {
	t.Parallel()
	c := newCallee(t, status(503))
	ctx, cancel := context.WithCancel(t.Context())
	c.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		time.AfterFunc(20*time.Millisecond, cancel)
	}))
	client := quick(func(c *resilience.Config) { c.RetryWait, c.MaxRetryWait = time.Hour, 2*time.Hour })
	_, _, err := call(t, client, "GET", c.URL, func(r *http.Request) { *r = *r.WithContext(ctx) })
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 1, c.tries.Load())
}

func TestClient_RefusesMoreCallsThanItMayHold(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	c := newCallee(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	client := quick(func(c *resilience.Config) { c.MaxInFlight = 1 })
	done := make(chan error)
	go func() {
		_, _, err := call(t, client, "POST", c.URL)
		done <- err
	}()
	<-arrived
	_, _, err := call(t, client, "POST", c.URL)
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	close(release)
	require.NoError(t, <-done)
	go func() { <-arrived }()
	_, _, err = call(t, client, "POST", c.URL)
	require.NoError(t, err, "the place is free again")
}

func TestClient_ReadsNoEndlessAnswerAndFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	c := newCallee(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 11)) })
	client := quick(func(c *resilience.Config) { c.MaxBody = 10 })
	_, _, err := call(t, client, "GET", c.URL)
	require.ErrorIs(t, err, resilience.ErrAnswerTooLarge)
	require.EqualValues(t, 1, c.tries.Load(), "it would be as long again")
	c.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10)) }))
	_, body, err := call(t, client, "GET", c.URL)
	require.NoError(t, err)
	require.Len(t, body, 10)
	c.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }))
	got, _, err := call(t, client, "POST", c.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, got)
}

func TestClient_PassesTheTraceOn(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	c := newCallee(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Traceparent") })
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	_, _, err := call(t, quick(), "GET", c.URL, func(r *http.Request) {
		*r = *r.WithContext(trace.ContextWithSpanContext(r.Context(), span))
	})
	require.NoError(t, err)
	require.Contains(t, <-seen, span.TraceID().String())
}

func TestClients_ShareARegistry(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	c := newCallee(t, status(200))
	for _, name := range []string{"auth", "transaction"} {
		_, _, err := call(t, resilience.NewClient(resilience.Config{Name: name, Registry: reg}), "GET", c.URL)
		require.NoError(t, err)
	}
	n, err := testutil.GatherAndCount(reg, "client_calls_total")
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestClient_ABodyThatCannotBeReadAgainEndsTheRetries(t *testing.T) {
	t.Parallel()
	c := newCallee(t, status(503))
	broken := errors.New("gone")
	_, _, err := call(t, quick(), "PUT", c.URL, func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader("x"))
		r.GetBody = func() (io.ReadCloser, error) { return nil, broken }
	})
	require.ErrorIs(t, err, broken)
	require.EqualValues(t, 1, c.tries.Load())
}
