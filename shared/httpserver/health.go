package httpserver

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"github.com/micropay/micropay/shared/problem"
)

// Health answers /livez and /readyz. Live means that the process answers at all; ready, that it
// can do its work. Other services being away makes nobody unready.
type Health struct {
	mu       sync.Mutex
	checks   map[string]func(context.Context) error
	asked    time.Time
	fault    string
	draining atomic.Bool
}

// NewHealth is ready until a check says otherwise.
func NewHealth() *Health { return &Health{checks: map[string]func(context.Context) error{}} }

// Add makes readiness depend on check, which has a second to answer.
func (h *Health) Add(name string, check func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = check
}

// Drain makes the process unready for good, while it goes on serving.
func (h *Health) Drain() { h.draining.Store(true) }

// partings asks clients, while draining, not to use their connections again: one that is closed
// under a request's feet is a failed request.
func (h *Health) partings(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Routes adds /livez and /readyz.
func (h *Health) Routes(r *mux.Router) {
	r.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { healthy(w) }).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/readyz", h.readyz).Methods(http.MethodGet, http.MethodHead)
}

func healthy(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n"))
}

func (h *Health) readyz(w http.ResponseWriter, r *http.Request) {
	fault := "draining"
	if !h.draining.Load() {
		fault = h.check(r.Context())
	}
	if fault == "" {
		healthy(w)
		return
	}
	p := problem.New(http.StatusServiceUnavailable, "not_ready", fault)
	p.RetryAfter = time.Second
	problem.Write(w, p)
}

const (
	checkTimeout = time.Second
	checkAge     = 500 * time.Millisecond // probes closer together share an answer
)

// check names the first check that fails, never why: that is in the log of whoever failed.
func (h *Health) check(ctx context.Context) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) < checkAge {
		return h.fault
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	h.fault = ""
	for name, check := range h.checks {
		if err := check(ctx); err != nil {
			h.fault = name + " does not answer"
			break
		}
	}
	h.asked = time.Now()
	return h.fault
}
