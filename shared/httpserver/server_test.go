package httpserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
)

func TestHealth_ReadyDependsOnChecks_LiveOnNothing(t *testing.T) {
	t.Parallel()
	health, r := httpserver.NewHealth(), httpserver.NewRouter()
	health.Routes(r)
	require.Equal(t, 200, call(r, "GET", "/readyz", nil).Code)

	health, r = httpserver.NewHealth(), httpserver.NewRouter()
	health.Routes(r)
	health.Add("database", func(context.Context) error { return errors.New("password of user x is wrong") })
	w := call(r, "GET", "/readyz", nil)
	require.Equal(t, 503, w.Code)
	require.Contains(t, w.Body.String(), "database does not answer")
	require.NotContains(t, w.Body.String(), "password")
	require.Equal(t, 503, call(r, "GET", "/readyz", nil).Code, "the answer is shared for a moment")
	require.Equal(t, 200, call(r, "GET", "/livez", nil).Code)
}

// start serves handler on a free port and returns its address, a way to stop it and its end.
func start(t *testing.T, c httpserver.Config, health *httpserver.Health, handler http.Handler) (string, context.CancelFunc, <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	end := make(chan error, 1)
	go func() { end <- httpserver.NewServer(c, handler, health, quiet).Serve(ctx, l) }()
	return "http://" + l.Addr().String(), stop, end
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestServer_FinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan bool), make(chan bool)
	url, stop, end := start(t, config(), httpserver.NewHealth(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- true
		<-leave
		_, _ = io.WriteString(w, "done")
	}))
	got := make(chan string)
	go func() {
		b, _ := io.ReadAll(get(t, url).Body)
		got <- string(b)
	}()
	<-entered
	stop()
	close(leave)
	require.Equal(t, "done", <-got)
	require.NoError(t, <-end)
}

func TestServer_WhileDraining_IsNotReadyButServes(t *testing.T) {
	t.Parallel()
	c := config()
	c.DrainDelay = 2 * time.Second
	health, r := httpserver.NewHealth(), httpserver.NewRouter()
	health.Routes(r)
	url, stop, end := start(t, c, health, r)
	require.False(t, get(t, url+"/readyz").Close)
	stop()
	require.Eventually(t, func() bool { return get(t, url+"/readyz").StatusCode == 503 }, time.Second, time.Millisecond)
	resp := get(t, url+"/livez")
	require.Equal(t, 200, resp.StatusCode)
	require.True(t, resp.Close, "clients are asked not to use the connection again")
	require.NoError(t, <-end)
}

func TestServer_CutsOffAfterTheGrace(t *testing.T) {
	t.Parallel()
	c := config()
	c.ShutdownGrace = 10 * time.Millisecond
	entered := make(chan bool)
	url, stop, end := start(t, c, httpserver.NewHealth(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
	}))
	go func() {
		if resp, err := http.Get(url); err == nil { //nolint:noctx // it is cut off
			_ = resp.Body.Close()
		}
	}()
	<-entered
	stop()
	require.ErrorContains(t, <-end, "cut off")
}

func TestServer_ReportsAListenerThatFails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.Error(t, httpserver.NewServer(config(), nil, httpserver.NewHealth(), quiet).Serve(t.Context(), l))
}
