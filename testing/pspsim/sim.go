// Package pspsim is a payment provider that keeps its own truth and misbehaves on request: the
// stand-in for Stripe and PayPal where no test double of theirs can be asked to fail.
//
// It speaks the part of both HTTP interfaces that MicroPay uses, written from their public
// references (docs.stripe.com/api, developer.paypal.com/docs/api), on real loopback sockets: what
// it does when told to hang, to drip or to break off is what a network does. Each provider has a
// Side of its own, so that one can be dead while the other lives.
//
// Start at Side: Fault makes calls misbehave, Pay and Approve are what payers do, Truth is what
// really happened.
package pspsim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// The credentials that the sides ask for.
const (
	StripeKey           = "stripe-key-for-tests"
	StripeWebhookSecret = "stripe-webhook-secret-for-tests"
	PayPalClientID      = "paypal-client-for-tests"
	PayPalSecret        = "paypal-secret-for-tests"
	PayPalWebhookID     = "paypal-webhook-for-tests"
	PayPalToken         = "paypal-token-for-tests" // that PayPal hands out
)

// Sim is both providers.
type Sim struct{ Stripe, PayPal *Side }

// New starts both and ends them with the test.
func New(t testing.TB) *Sim {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatalf("pspsim: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts both.
func Start() (*Sim, error) {
	stripe, err := newSide("stripe", stripeRoutes)
	if err != nil {
		return nil, err
	}
	paypal, err := newSide("paypal", paypalRoutes)
	if err != nil {
		stripe.Close()
		return nil, err
	}
	return &Sim{Stripe: stripe, PayPal: paypal}, nil
}

// Close ends both.
func (s *Sim) Close() {
	s.Stripe.Close()
	s.PayPal.Close()
}

// Request is a call that was received.
type Request struct {
	Method, Path string
	Key          string // the idempotency key
	At           time.Time
	Fault        Fault
}

// Side is one provider.
type Side struct {
	name   string
	addr   string
	mux    *http.ServeMux
	quit   chan struct{}
	closed sync.Once

	mu       sync.Mutex
	server   *http.Server
	requests []Request
	planned  []*plan
	answers  map[string]answer // by idempotency key
	book     book
	events   []Event
	auto     bool // payers act at once
}

func newSide(name string, routes func(*Side)) (*Side, error) {
	s := &Side{name: name, addr: "127.0.0.1:0", mux: http.NewServeMux(), quit: make(chan struct{}), answers: map[string]answer{}}
	routes(s)
	return s, s.listen()
}

// URL is the base address of the interface.
func (s *Side) URL() string { return "http://" + s.addr }

func (s *Side) listen() error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.mu.Lock()
	s.addr, s.server = l.Addr().String(), server
	s.mu.Unlock()
	go func() { _ = server.Serve(l) }()
	return nil
}

// Down refuses connections from now on, and breaks those that are open.
func (s *Side) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.server.Close()
}

// Up takes connections again, at the same address.
func (s *Side) Up() error { return s.listen() }

// Close ends the side.
func (s *Side) Close() {
	s.closed.Do(func() {
		close(s.quit)
		s.Down()
	})
}

// Requests returns what was received so far.
func (s *Side) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ServeHTTP implements http.Handler: it does what is asked, or misbehaves.
func (s *Side) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	key := r.Header.Get("Idempotency-Key") + r.Header.Get("PayPal-Request-Id")
	s.mu.Lock()
	p := s.take(r)
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, Key: key, At: time.Now(), Fault: p.fault})
	s.mu.Unlock()
	if !p.fault.Acts() {
		s.misbehave(w, r, p, nil)
		return
	}
	done := httptest.NewRecorder()
	s.answer(done, r, key, body)
	s.misbehave(w, r, p, done)
}

type answer struct {
	asked  string
	status int
	body   []byte
}

// answer does what is asked once for each idempotency key, and repeats the first answer, errors
// included (docs.stripe.com/api/idempotent_requests; developer.paypal.com, API idempotency).
func (s *Side) answer(w *httptest.ResponseRecorder, r *http.Request, key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key == "" || r.Method == http.MethodGet {
		s.mux.ServeHTTP(w, r)
		return
	}
	where := r.Method + " " + r.URL.Path
	if known, is := s.answers[key+where]; is {
		if known.asked != string(body) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.WriteString(`{"error":{"type":"idempotency_error","message":"other parameters"},"name":"IDEMPOTENCY_ERROR"}`)
			return
		}
		w.Header().Set("Idempotent-Replayed", "true")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(known.status)
		_, _ = w.Write(known.body)
		return
	}
	s.mux.ServeHTTP(w, r)
	s.answers[key+where] = answer{string(body), w.Code, bytes.Clone(w.Body.Bytes())}
}

var errNotThere = errors.New("there is no such object")
