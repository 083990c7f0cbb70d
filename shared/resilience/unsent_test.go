package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

func TestClient_TransportThatKnowsNobodyToAsk_SentNothing(t *testing.T) {
	t.Parallel()
	nobody := errors.New("no instance")
	client := newClient(func(c *resilience.Config) {
		c.Transport = transport(func(*http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%w: %w", resilience.ErrNotSent, nobody)
		})
	})
	_, err := post(t, client, "http://auth.example")
	require.ErrorIs(t, err, resilience.ErrNotSent)
	require.ErrorIs(t, err, resilience.ErrUnavailable)
	require.ErrorIs(t, err, nobody)
}

func TestWatch_TellsWhetherARequestMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	try := func(url string) *resilience.Connection {
		ctx, way := resilience.Watch(context.Background())
		require.False(t, way.Missed(), "nothing is known yet")
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			require.NoError(t, resp.Body.Close())
		}
		return way
	}
	server := httptest.NewServer(status(200))
	require.False(t, try(server.URL).Missed())
	server.Close()
	require.True(t, try(server.URL).Missed(), "nobody listens any more")
}

func TestRepeatable_IsWhatDoesNoMoreWhenDoneTwice(t *testing.T) {
	t.Parallel()
	request := func(method, key string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), method, "http://auth.example", http.NoBody)
		r.Header.Set("Idempotency-Key", key)
		return r
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete} {
		require.True(t, resilience.Repeatable(request(method, ""), resilience.DefaultKeyHeader), method)
	}
	require.False(t, resilience.Repeatable(request(http.MethodPost, ""), resilience.DefaultKeyHeader))
	require.True(t, resilience.Repeatable(request(http.MethodPost, "k"), resilience.DefaultKeyHeader))
	require.False(t, resilience.Repeatable(request(http.MethodPost, "k"), "PayPal-Request-Id"))
}
