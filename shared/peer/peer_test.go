package peer_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/discovery"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/peer"
	"github.com/micropay/micropay/shared/resilience"
)

// One id is in the logs of all services that took part in a request.
func TestPeer_TellsTheCalleeWhichRequestItTakesPartIn(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	callee := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header }))
	t.Cleanup(callee.Close)
	calls, err := config.Load[resilience.Settings](nil)
	require.NoError(t, err)
	instances, err := config.Load[discovery.Settings](nil)
	require.NoError(t, err)
	p, err := peer.New(t.Context(), peer.Config{
		Name: "callee", Variable: "CALLEE_URL", Address: callee.URL, Token: "between services", Calls: calls, Instances: instances,
		Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	served, err := config.Load[httpserver.Config](nil)
	require.NoError(t, err)
	caller := httpserver.Middleware(httpserver.Options{Config: served, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, p.Base+"/things", nil)
			if err == nil {
				var resp *http.Response
				if resp, err = p.HTTP.Do(req); err == nil {
					err = resp.Body.Close()
				}
			}
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
			}
		}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Request-Id", "follow-me")
	w := httptest.NewRecorder()
	caller.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	got := <-seen
	require.Equal(t, "follow-me", got.Get("X-Request-Id"))
	require.Equal(t, "Bearer between services", got.Get("Authorization"))
}
