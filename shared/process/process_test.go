package process_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/process"
	"github.com/micropay/micropay/shared/telemetry"
)

func service(run func(context.Context) error) process.Service {
	public, internal := httpserver.NewRouter(), httpserver.NewRouter()
	public.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "public") })
	internal.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "internal") })
	return process.Service{
		HTTP:   httpserver.Config{BodyLimit: 100, RequestTimeout: time.Minute, MaxInFlight: 10, ShutdownGrace: time.Minute},
		Public: public, Internal: internal, Health: httpserver.NewHealth(), Run: run,
		Log: slog.New(slog.DiscardHandler), Registry: telemetry.NewRegistry(),
	}
}

// waits works until it is told to stop, and hands its end over.
func waits(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestServe_TwoPorts_MetricsOnlyInside(t *testing.T) {
	t.Parallel()
	ports, err := process.Listen(t.Context(), "127.0.0.1:0", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- service(waits).Serve(ctx, ports) }()
	public, internal := "http://"+ports.Public.Addr().String(), "http://"+ports.Internal.Addr().String()

	_, text := get(t, public+"/hello")
	require.Equal(t, "public", text)
	_, text = get(t, internal+"/hello")
	require.Equal(t, "internal", text)
	status, _ := get(t, public+"/readyz")
	require.Equal(t, http.StatusOK, status)
	status, _ = get(t, public+"/metrics")
	require.Equal(t, http.StatusNotFound, status)
	_, text = get(t, internal+"/metrics")
	require.Contains(t, text, `http_requests_total{method="GET",port="public",route="/hello",status="200"} 1`)
	stop()
	require.NoError(t, <-end)
}

func TestServe_WorkersStopAfterTheLastRequest(t *testing.T) {
	t.Parallel()
	ports, err := process.Listen(t.Context(), "127.0.0.1:0", "127.0.0.1:0")
	require.NoError(t, err)
	entered, leave, working := make(chan bool), make(chan bool), make(chan bool, 1)
	s := service(func(ctx context.Context) error {
		<-ctx.Done()
		working <- false
		return errors.New("a worker's end is reported")
	})
	s.Public = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- true
		<-leave
		if len(working) > 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- s.Serve(ctx, ports) }()
	status := make(chan int)
	go func() {
		code, _ := get(t, "http://"+ports.Public.Addr().String())
		status <- code
	}()
	<-entered
	stop()
	close(leave)
	require.Equal(t, http.StatusOK, <-status)
	require.ErrorContains(t, <-end, "a worker's end")
}

func TestListen_SaysWhenAPortIsTaken(t *testing.T) {
	t.Parallel()
	ports, err := process.Listen(t.Context(), "127.0.0.1:0", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ports.Public.Close(); _ = ports.Internal.Close() })
	_, err = process.Listen(t.Context(), ports.Public.Addr().String(), "127.0.0.1:0")
	require.ErrorContains(t, err, "in use")
	_, err = process.Listen(t.Context(), "127.0.0.1:0", ports.Internal.Addr().String())
	require.ErrorContains(t, err, "in use")
}

func TestAsk_TellsWhetherAServiceLives(t *testing.T) {
	t.Parallel()
	ports, err := process.Listen(t.Context(), "127.0.0.1:0", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ports.Public.Addr().String()
	s := service(waits)
	s.Health.Add("database", func(context.Context) error { return errors.New("away") })
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- s.Serve(ctx, ports) }()
	require.NoError(t, process.Ask(t.Context(), addr, "/livez"))
	require.ErrorContains(t, process.Ask(t.Context(), addr, "/readyz"), "503")
	stop()
	require.NoError(t, <-end)
	require.Error(t, process.Ask(t.Context(), addr, "/livez"), "nobody is there")
	require.Error(t, process.Ask(t.Context(), "nonsense", "/livez"))
}
