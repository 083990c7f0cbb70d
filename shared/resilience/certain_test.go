package resilience_test

import (
	"errors"
	"net/http"
	"testing"

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
