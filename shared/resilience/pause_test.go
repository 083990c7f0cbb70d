package resilience_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

// busy answers 503 and asks to be left alone for as long as after says.
func busy(after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func TestClient_RetryAfter_IsUnderstoodInEachFormAndBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after       string
		least, most time.Duration
	}{
		"seconds":           {"30", 29 * time.Second, 30 * time.Second},
		"a date":            {time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat), 30 * time.Second, 40 * time.Second},
		"a date long past":  {"Thu, 01 Jan 1970 00:00:00 GMT", 0, 0},
		"an hour":           {"3600", 59 * time.Second, time.Minute},
		"a date far off":    {"Fri, 31 Dec 9999 23:59:59 GMT", 59 * time.Second, time.Minute},
		"more than counted": {"99999999999999999999", 59 * time.Second, time.Minute},
		"a negative number": {"-5", 0, 0},
		"nonsense":          {"soon", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCallee(t, busy(tt.after))
			client := newClient(func(c *resilience.Config) { c.Retries, c.RetryWait = 2, time.Microsecond })
			_, err := post(t, client, c.URL)
			require.NoError(t, err)
			wait, ready := client.Ready()
			require.Equal(t, tt.most == 0, ready)
			require.GreaterOrEqual(t, wait, tt.least)
			require.LessOrEqual(t, wait, tt.most)
		})
	}
}

func TestClient_AskedToWait_HoldsBackOtherCallsRetriesToo(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 4), make(chan struct{}) // tries that nobody waits for must not hang
	c := newCallee(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			busy("30")(w, r)
			return
		}
		arrived <- struct{}{}
		<-release
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	client := newClient(func(c *resilience.Config) { c.Retries, c.RetryWait = 2, time.Microsecond })
	done := make(chan error, 1)
	go func() {
		_, _, err := call(t, client.Client, http.MethodGet, c.URL)
		done <- err
	}()
	<-arrived
	_, err := post(t, client, c.URL+"/busy")
	require.NoError(t, err)
	close(release)
	select {
	case err = <-done:
	case <-arrived:
		require.Fail(t, "tried again within the time it was asked to leave the callee alone")
	}
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	require.NotErrorIs(t, err, resilience.ErrNotSent, "the first try was sent")
	require.EqualValues(t, 2, c.tries.Load())
}

func TestClient_AskedToWaitForever_AsksAgainAfterAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &psp{status: 429, retryAfter: "3600"}
		c := p.client()
		require.NoError(t, p.called(t, c, 1))
		time.Sleep(59 * time.Second)
		require.ErrorIs(t, p.called(t, c, 1), resilience.ErrNotSent)
		time.Sleep(time.Second)
		p.status, p.retryAfter = 200, ""
		requireReady(t, c, true)
		require.NoError(t, p.called(t, c, 1))
		require.Equal(t, 2, p.calls)
	})
}
