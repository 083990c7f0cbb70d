package httpserver

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/micropay/micropay/shared/problem"
)

// Options say how Middleware treats the requests of one service.
type Options struct {
	Config   Config
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Middleware wraps a service's router: request id, trace, metrics, one log line a request,
// recovery, response headers, CORS, rate and concurrency limits, body limit and time limit.
func Middleware(o Options) func(http.Handler) http.Handler {
	metrics := newMetrics(o.Registry)
	rates := newRateLimiter(o.Config)
	slots := make(chan struct{}, o.Config.MaxInFlight)
	return func(next http.Handler) http.Handler {
		next = bounded(o.Config, next)
		next = limitInFlight(slots, next)
		next = rates.limit(next)
		next = cors(o.Config.AllowedOrigins, next)
		next = recovered(o.Log, next)
		next = observed(o.Log, metrics, next)
		return identified(next)
	}
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type contextKey int

const (
	requestIDKey contextKey = iota
	routeKey
	unboundedKey
)

// RequestID is the id of the request that ctx belongs to, also in the answer's X-Request-Id.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// identified takes the client's X-Request-Id if it is a plain word, else makes one, and takes
// part in the client's trace (W3C traceparent).
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(problem.RequestIDHeader)
		if !plainID.MatchString(id) {
			id = uuid.NewString()
		}
		w.Header().Set(problem.RequestIDHeader, id)
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, requestIDKey, id)))
	})
}

// observed counts, times and logs each request under the template of its route, never under
// its path, query, headers or body: those may hold secrets and have no end.
func observed(log *slog.Logger, m *metrics, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		route := &route{template: "none"}
		ctx := context.WithValue(r.Context(), routeKey, route)
		m.inFlight.Inc()
		defer func() {
			m.inFlight.Dec()
			took := time.Since(started)
			m.observe(method(r), route.template, rec.status, took)
			attrs := []slog.Attr{
				slog.String("request_id", RequestID(ctx)), slog.String("method", method(r)),
				slog.String("route", route.template), slog.Int("status", rec.status),
				slog.Float64("ms", float64(took.Microseconds())/1000),
			}
			if made := rec.Header().Get("Location"); made != "" {
				attrs = append(attrs, slog.String("made", made))
			}
			if span := trace.SpanContextFromContext(ctx); span.IsValid() {
				attrs = append(attrs, slog.String("trace_id", span.TraceID().String()))
			}
			log.LogAttrs(ctx, levelOf(rec.status), "request", attrs...)
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

// method keeps made-up methods out of logs and metrics.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

func levelOf(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// recovered turns a panic into a 500 and a log line with the stack.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				log.ErrorContext(r.Context(), "panic", "panic", p, "stack", string(debug.Stack()), "request_id", RequestID(r.Context()))
				problem.Write(w, problem.New(http.StatusInternalServerError, "internal", "something went wrong on our side"))
			}
		}()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		// What comes after a chunked request is not read, whoever answers it: net/http does not say whether
		// a length came too, by which others would have found the end of it elsewhere.
		if len(r.TransferEncoding) > 0 {
			h.Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// bounded limits the size of the body and the time until an answer.
func bounded(c Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, c.BodyLimit)
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(c.RequestTimeout)) // recorders in tests cannot
		_ = control.SetWriteDeadline(time.Now().Add(c.RequestTimeout + writePatience))
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), unboundedKey, r.Context()), c.RequestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// unbounded is ctx without the time limit of bounded; it still ends with the connection.
func unbounded(ctx context.Context) context.Context {
	if without, ok := ctx.Value(unboundedKey).(context.Context); ok {
		return without
	}
	return ctx
}

// limitInFlight refuses what exceeds the slots, at once, so that an overload stays answerable.
func limitInFlight(slots chan struct{}, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			p := problem.New(http.StatusServiceUnavailable, "overloaded", "too many requests at a time")
			p.RetryAfter = time.Second
			problem.Write(w, p)
		}
	})
}
