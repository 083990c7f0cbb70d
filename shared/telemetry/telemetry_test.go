package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/micropay/micropay/shared/telemetry"
)

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

func inTrace(t *testing.T) context.Context {
	t.Helper()
	id, err := trace.TraceIDFromHex(traceID)
	require.NoError(t, err)
	return trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id}))
}

func TestNewLogger_WritesOneJSONObjectALineWithItsTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.Config{Format: "json"}, "auth").With("a", 1)
	log.InfoContext(inTrace(t), "two\nlines")
	log.Debug("below the level")
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "two\nlines", line["msg"])
	require.Equal(t, "auth", line["service"])
	require.Equal(t, traceID, line["trace_id"])
	require.InDelta(t, 1, line["a"], 0)
}

func TestNewLogger_NamesTheTraceOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.Config{}, "auth")
	log.InfoContext(inTrace(t), "x", "b", 1, "trace_id", traceID)
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("trace_id")))
}

func TestNewLogger_HumanIsText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.Config{Format: "human", Level: slog.LevelDebug}, "auth")
	log.WithGroup("g").Debug("hello", "k", "v")
	require.Contains(t, out.String(), "level=DEBUG msg=hello service=auth g.k=v")
	require.NotContains(t, out.String(), "trace_id")
}

func TestNewLogger_OutlivesItsReader(t *testing.T) {
	t.Parallel()
	if os.Getenv("MICROPAY_TEST_LOG_TO_STDOUT") != "" {
		log := telemetry.NewLogger(os.Stdout, telemetry.Config{}, "auth")
		for range 100 {
			log.Info("nobody reads this")
		}
		os.Exit(7) // still alive to say so
	}
	read, write, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close())
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNewLogger_OutlivesItsReader$") //nolint:gosec // this test
	child.Env = append(os.Environ(), "MICROPAY_TEST_LOG_TO_STDOUT=1")
	child.Stdout = write
	err = child.Run()
	require.NoError(t, write.Close())
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 7, exit.ExitCode(), "a closed standard output ends the process otherwise")
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	require.NoError(t, telemetry.Config{Format: "human"}.Validate())
	require.ErrorContains(t, telemetry.Config{Format: "xml"}.Validate(), "LOG_FORMAT")
}

func TestNewRegistry_TellsOfTheProcess(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	telemetry.MetricsHandler(telemetry.NewRegistry()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), "go_goroutines")
	require.Contains(t, w.Body.String(), "process_open_fds")
}

// Not parallel: it sets what the whole process uses.
func TestStartTracing_ExportsOnlyWhereACollectorIsConfigured(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	stop, err := telemetry.StartTracing(t.Context(), telemetry.Config{}, "auth", log)
	require.NoError(t, err)
	require.NoError(t, stop(t.Context()))
	header := http.Header{"Traceparent": {"00-" + traceID + "-00f067aa0ba902b7-01"}}
	ctx := otel.GetTextMapPropagator().Extract(t.Context(), propagation.HeaderCarrier(header))
	require.Equal(t, traceID, trace.SpanContextFromContext(ctx).TraceID().String())
	_, span := otel.Tracer("test").Start(ctx, "not exported")
	require.False(t, span.IsRecording())

	paths := make(chan string, 8)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	t.Cleanup(collector.Close)
	stop, err = telemetry.StartTracing(t.Context(), telemetry.Config{OTLPEndpoint: collector.URL}, "auth", log)
	require.NoError(t, err)
	_, span = otel.Tracer("test").Start(ctx, "exported")
	span.End()
	require.NoError(t, stop(context.WithoutCancel(t.Context())))
	require.Equal(t, "/v1/traces", <-paths)

	for _, endpoint := range []string{"nonsense", "http://%zz"} {
		_, err = telemetry.StartTracing(t.Context(), telemetry.Config{OTLPEndpoint: endpoint}, "auth", log)
		require.ErrorContains(t, err, "OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	var out bytes.Buffer
	stop, err = telemetry.StartTracing(t.Context(), telemetry.Config{OTLPEndpoint: "http://127.0.0.1:1"}, "auth", telemetry.NewLogger(&out, telemetry.Config{}, "auth"))
	require.NoError(t, err)
	otel.Handle(context.DeadlineExceeded)
	require.Contains(t, out.String(), "traces not exported")
	require.NoError(t, stop(t.Context()))
}
