package resilience_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
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
