// Package telemetry sets up what a service tells about itself: log lines, metrics and traces.
//
// Log lines are one JSON object each, for machines, or text, for people, and carry the trace they
// belong to. Losing the reader of the log does not stop a service. Traces are followed from
// request to request by W3C traceparent, and exported only where a collector is configured.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/otel/trace"
)

// Config says what is told, and to whom.
type Config struct {
	Level        slog.Level `env:"LOG_LEVEL" envDefault:"info"`  // debug, info, warn or error
	Format       string     `env:"LOG_FORMAT" envDefault:"json"` // json, or human
	OTLPEndpoint string     `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`  // of the collector; empty: traces are not exported
}

// Validate reports a format that nobody writes.
func (c Config) Validate() error {
	if c.Format != "json" && c.Format != "human" {
		return fmt.Errorf("LOG_FORMAT: must be json or human")
	}
	return nil
}

// NewLogger writes the lines of a service to w. When w is a file such as the standard output,
// the process no longer ends because its other end was closed: the lines are lost, requests are
// still answered.
func NewLogger(w io.Writer, c Config, service string) *slog.Logger {
	if _, ok := w.(*os.File); ok {
		signal.Ignore(syscall.SIGPIPE)
	}
	opts := &slog.HandlerOptions{Level: c.Level}
	var h slog.Handler = slog.NewJSONHandler(w, opts)
	if c.Format == "human" {
		h = slog.NewTextHandler(w, opts)
	}
	return slog.New(traced{h}).With("service", service)
}

// traceKey is the name of the attribute that joins a line to its trace.
const traceKey = "trace_id"

// traced adds the trace's id to each line that is logged within one.
type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() && !has(r, traceKey) {
		r = r.Clone()
		r.AddAttrs(slog.String(traceKey, span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func has(r slog.Record, key string) bool {
	found := false
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{h.Handler.WithAttrs(attrs)}
}

func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }
