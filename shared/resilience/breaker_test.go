package resilience_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

func newClient(change ...func(*resilience.Config)) *resilience.Client {
	c := resilience.Config{Name: "psp", Retries: -1, MinimumCalls: 4, Timeout: 5 * time.Second, OpenFor: time.Hour}
	for _, f := range change {
		f(&c)
	}
	return resilience.New(c)
}

func post(t *testing.T, c *resilience.Client, url string) (int, error) {
	t.Helper()
	status, _, err := call(t, c.Client, http.MethodPost, url)
	return status, err
}

func TestBreaker_HalfOfTheCallsFail_Opens(t *testing.T) {
	t.Parallel()
	c := newCallee(t, status(200))
	client := newClient()
	for i, code := range []int{500, 200, 500} {
		c.answer.Store(status(code))
		_, err := post(t, client, c.URL)
		require.NoError(t, err)
		_, ready := client.Ready()
		require.True(t, ready, "too few calls to judge by: %d", i+1)
	}
	c.answer.Store(status(200))
	_, err := post(t, client, c.URL)
	require.NoError(t, err)
	_, ready := client.Ready()
	require.True(t, ready, "a good answer opens nothing")
	c.answer.Store(status(500))
	_, err = post(t, client, c.URL)
	require.NoError(t, err)
	wait, ready := client.Ready()
	require.False(t, ready, "3 of 5")
	require.Greater(t, wait, 59*time.Minute)
	_, err = post(t, client, c.URL)
	require.ErrorIs(t, err, resilience.ErrNotSent)
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	require.EqualValues(t, 5, c.tries.Load())
}

func TestBreaker_Declines_AreGoodAnswers(t *testing.T) {
	t.Parallel()
	client := newClient()
	for _, code := range []int{400, 401, 402, 404, 409, 422, 429, 402, 402, 402} {
		c := newCallee(t, status(code))
		_, err := post(t, client, c.URL)
		require.NoError(t, err)
	}
	_, ready := client.Ready()
	require.True(t, ready)
}

func TestBreaker_SlowCalls_OpenIt(t *testing.T) {
	t.Parallel()
	c := newCallee(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(30 * time.Millisecond):
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusOK)
	})
	client := newClient(func(c *resilience.Config) { c.SlowAfter, c.SlowRate = 10*time.Millisecond, 75 })
	for range 4 {
		_, err := post(t, client, c.URL)
		require.NoError(t, err, "slow, but an answer")
	}
	_, ready := client.Ready()
	require.False(t, ready)
}

func TestBreaker_GoodTrials_CloseIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &psp{status: 500}
		c := p.client(func(c *resilience.Config) { c.OpenFor, c.Probes = time.Second, 2 })
		require.NoError(t, p.called(t, c, 4))
		time.Sleep(time.Second + 1)
		requireReady(t, c, true)
		require.NoError(t, p.called(t, c, 1), "a trial")
		requireReady(t, c, false) // that was bad: open again

		time.Sleep(time.Second + 1)
		p.status = 200
		require.NoError(t, p.called(t, c, 1))
		p.status = 500
		require.NoError(t, p.called(t, c, 1))
		requireReady(t, c, false) // one good and one bad: open again

		time.Sleep(time.Second + 1)
		p.status = 200
		require.NoError(t, p.called(t, c, 2))
		p.status = 500
		require.NoError(t, p.called(t, c, 1), "closed: one failure is not enough")
		requireReady(t, c, true)
	})
}

func TestClient_AskedToWait_AsksNobodyUntilThen(t *testing.T) {
	t.Parallel()
	c := newCallee(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	client := newClient()
	code, err := post(t, client, c.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusTooManyRequests, code)
	_, err = post(t, client, c.URL)
	require.ErrorIs(t, err, resilience.ErrNotSent)
	require.EqualValues(t, 1, c.tries.Load())
	wait, ready := client.Ready()
	require.False(t, ready)
	require.InDelta(t, 7*time.Second, wait, float64(time.Second))
}

// raw answers connections as it is told.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return "http://" + l.Addr().String()
}

// reset ends a connection as a crash does, once the first byte has come.
func reset(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = c.Read(make([]byte, 1))
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func TestClient_KnowsWhatWasSurelyNotSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refused := "http://" + l.Addr().String()
	require.NoError(t, l.Close())
	noTLS := httptest.NewServer(status(200))
	t.Cleanup(noTLS.Close)
	wrongName := httptest.NewTLSServer(status(200))
	t.Cleanup(wrongName.Close)
	for name, url := range map[string]string{
		"refused": refused, "no such host": "http://nowhere.invalid", "no TLS there": "https" + noTLS.URL[len("http"):], "unknown certificate": wrongName.URL,
	} {
		_, err := post(t, newClient(), url)
		require.ErrorIs(t, err, resilience.ErrNotSent, name)
	}
	for name, url := range map[string]string{
		"reset before a byte was read": raw(t, reset),
		"reset after it was read": raw(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			reset(c)
		}),
		"half an answer": raw(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
			_ = c.Close()
		}),
		"no HTTP": raw(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			_, _ = io.WriteString(c, "garbage\n\n\n")
			_ = c.Close()
		}),
	} {
		_, err := post(t, newClient(), url)
		require.ErrorIs(t, err, resilience.ErrUnavailable, name)
		require.NotErrorIs(t, err, resilience.ErrNotSent, name)
	}
}

func TestClient_HostileAnswers_AreCutOff(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	for name, answer := range map[string]http.HandlerFunc{"hang": hang, "drip": drip} {
		c := newCallee(t, answer)
		_, err := post(t, newClient(func(c *resilience.Config) { c.Timeout = 500 * time.Millisecond }), c.URL)
		require.ErrorIs(t, err, resilience.ErrUnavailable, name)
		require.NotErrorIs(t, err, resilience.ErrNotSent, name)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	bomb := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for r.Context().Err() == nil {
			if _, err := z.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	for name, answer := range map[string]http.HandlerFunc{"endless": endless, "bomb": bomb} {
		c := newCallee(t, answer)
		_, err := post(t, newClient(func(c *resilience.Config) { c.MaxBody = 1 << 20 }), c.URL)
		require.ErrorIs(t, err, resilience.ErrAnswerTooLarge, name)
		require.NotErrorIs(t, err, resilience.ErrNotSent, name)
	}
}

func TestClient_Redirects_AreAnswersAndCarryNothingAway(t *testing.T) {
	t.Parallel()
	elsewhere := newCallee(t, status(200))
	for _, code := range []int{301, 302, 307, 308} {
		c := newCallee(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(code)
		})
		got, err := post(t, newClient(), c.URL)
		require.NoError(t, err)
		require.Equal(t, code, got)
	}
	require.Zero(t, elsewhere.tries.Load())
}

func TestClient_KeyHeader_MakesACallRepeatable(t *testing.T) {
	t.Parallel()
	c := newCallee(t, status(503))
	client := newClient(func(c *resilience.Config) {
		c.KeyHeader, c.Retries, c.RetryWait, c.MinimumCalls = "PayPal-Request-Id", 2, time.Microsecond, 100
	})
	_, _, err := call(t, client.Client, http.MethodPost, c.URL, func(r *http.Request) { r.Header.Set("PayPal-Request-Id", "k") })
	require.NoError(t, err)
	require.EqualValues(t, 3, c.tries.Load())
}

func TestClient_CallersWhoLeave_DoNotCount(t *testing.T) {
	t.Parallel()
	c := newCallee(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client := newClient()
	for range 6 {
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, nil)
		require.NoError(t, err)
		time.AfterFunc(5*time.Millisecond, leave)
		_, err = client.Do(req) //nolint:bodyclose // there is no answer
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, errors.Is(err, resilience.ErrUnavailable))
	}
	_, ready := client.Ready()
	require.True(t, ready)
}
