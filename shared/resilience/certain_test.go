package resilience_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

// transport answers calls without a network, and so tells nothing of its connections.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClient_TransportThatTellsNothing_MayHaveSent(t *testing.T) {
	t.Parallel()
	client := newClient(func(c *resilience.Config) {
		c.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("the answer was lost") })
	})
	_, err := post(t, client, "http://psp.example")
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	require.NotErrorIs(t, err, resilience.ErrNotSent, "nothing says that no connection was had")
}

func TestClient_TooLateBeforeItBegan_AsksNobodyAndBlamesNobody(t *testing.T) {
	t.Parallel()
	c := newCallee(t, status(200))
	client := newClient()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	t.Cleanup(cancel)
	for range 6 {
		_, _, err := call(t, client.Client, http.MethodPost, c.URL, func(r *http.Request) { *r = *r.WithContext(ctx) })
		require.ErrorIs(t, err, resilience.ErrNotSent)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.Zero(t, c.tries.Load())
	_, ready := client.Ready()
	require.True(t, ready, "the callee was never asked")
}

func TestClient_FirstTrySentSecondRefused_MayHaveBeenDone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Read(make([]byte, 1024))
		_ = l.Close() // from here on connections are refused
		_ = c.Close()
	}()
	client := newClient(func(c *resilience.Config) { c.Retries, c.RetryWait = 2, time.Microsecond })
	_, _, err = call(t, client.Client, http.MethodGet, "http://"+l.Addr().String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "so ended the last try")
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	require.NotErrorIs(t, err, resilience.ErrNotSent)
}

func TestClient_HTTP2StreamReset_MayHaveBeenDone(t *testing.T) {
	t.Parallel()
	c := &callee{}
	c.answer.Store(status(200))
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.answer.Load().(http.HandlerFunc)(w, r)
	}))
	c.EnableHTTP2 = true
	c.StartTLS()
	t.Cleanup(c.Close)
	client := newClient(func(cfg *resilience.Config) { cfg.Transport = c.Client().Transport })
	_, err := post(t, client, c.URL)
	require.NoError(t, err)
	c.answer.Store(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	_, err = post(t, client, c.URL)
	require.ErrorIs(t, err, resilience.ErrUnavailable, "on the connection of the first call")
	require.NotErrorIs(t, err, resilience.ErrNotSent)
}

func TestClient_Full_SendsNothing(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	client := newClient(func(c *resilience.Config) {
		c.MaxInFlight = 1
		c.Transport = transport(func(*http.Request) (*http.Response, error) {
			close(arrived)
			<-release
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
	})
	done := make(chan error)
	go func() {
		_, _, err := call(t, client.Client, http.MethodPost, "http://psp.example")
		done <- err
	}()
	<-arrived
	_, err := post(t, client, "http://psp.example")
	require.ErrorIs(t, err, resilience.ErrNotSent)
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	_, ready := client.Ready()
	require.True(t, ready, "busy is not broken")
	close(release)
	require.NoError(t, <-done)
}

func TestClient_OutOfTimeBetweenTries_IsUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &psp{status: 503}
		c := p.client(func(c *resilience.Config) { c.Retries, c.RetryWait, c.MaxRetryWait = 2, time.Hour, time.Hour })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err := call(t, c.Client, http.MethodGet, "http://psp.example", func(r *http.Request) { *r = *r.WithContext(ctx) })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, resilience.ErrUnavailable)
		require.NotErrorIs(t, err, resilience.ErrNotSent)
	})
}
