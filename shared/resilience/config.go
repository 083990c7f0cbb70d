// Package resilience makes the HTTP clients by which one service calls another.
//
// A call takes a bounded time and memory, and so does a callee that is slow or away: each try has
// a timeout; calls that may be repeated are, a little later each time, as long as retries stay a
// small share of the calls; and when too many fail or are slow the breaker opens and calls are
// refused at once, until trial calls get through. Whatever ends without an answer is
// ErrUnavailable, except the caller's own giving up, and ErrNotSent if the callee surely saw
// nothing of it.
package resilience

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	// ErrUnavailable means that the callee gave no answer; what it did is not known.
	ErrUnavailable = errors.New("service unavailable")
	// ErrNotSent means that nothing was sent: the callee surely did nothing. It comes with
	// ErrUnavailable. A Transport that knows as much itself may say so by it.
	ErrNotSent = errors.New("not sent")
	// ErrAnswerTooLarge means that the answer was longer than is read.
	ErrAnswerTooLarge = errors.New("answer too large")
)

// DefaultKeyHeader is what makes a POST repeatable, if a Config says nothing else.
const DefaultKeyHeader = "Idempotency-Key"

// Config of a client. The zero value of each but Name means the default.
type Config struct {
	Name         string                // of the callee, in logs and metrics
	Transport    http.RoundTripper     // default: NewTransport
	Timeout      time.Duration         // of each try, its body included; default 2 s
	Retries      int                   // after the first try; default 2, negative for none
	RetryWait    time.Duration         // before the first retry, doubled each time, jittered; default 50 ms
	RetryBudget  int                   // retries in percent of the calls, ten more in reserve; default 20
	MaxRetryWait time.Duration         // a Retry-After beyond it ends the retries; default 1 s
	MaxInFlight  int                   // calls at a time, more are refused; default 64
	MaxBody      int64                 // bytes of an answer; default 1 MiB
	KeyHeader    string                // that makes a POST repeatable; default Idempotency-Key
	Window       time.Duration         // of the calls that the breaker judges by; default 60 s
	WindowCalls  int                   // judge by so many last calls, however old, instead; default: by Window
	MinimumCalls int                   // in the window before it judges; default 10
	FailureRate  int                   // percent that open it; default 50
	SlowAfter    time.Duration         // a call that takes longer is slow; default: none is
	SlowRate     int                   // percent of slow calls that open it; default 100
	OpenFor      time.Duration         // until trial calls are let through; default 5 s
	Probes       int                   // trial calls that must be good to close it; default 1
	Log          *slog.Logger          // hears of the breaker's changes; default none
	Registry     prometheus.Registerer // default none
}

// maxHeader bounds the bytes of an answer's header: Go's own bound, 10 MiB for each call under way,
// is more memory than a hostile callee should get.
const maxHeader = 64 << 10

// NewTransport is as http.DefaultTransport, but its connections are its own, so that those to one
// callee never run out for another, and a callee may have as many idle ones as all together: Go's
// two would have most calls under load connect anew. A Config that brings a Transport of another
// make bounds the header of answers itself.
func NewTransport() *http.Transport {
	t, is := http.DefaultTransport.(*http.Transport)
	if !is { // replaced by the process
		t = &http.Transport{}
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = maxHeader
	t.MaxIdleConnsPerHost = t.MaxIdleConns
	return t
}

func (c Config) complete() Config {
	if c.Transport == nil {
		c.Transport = NewTransport()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.Retries < 0 {
		c.Retries = 0
	} else {
		c.Retries = or(c.Retries, 2)
	}
	c.Timeout = or(c.Timeout, 2*time.Second)
	c.RetryWait = or(c.RetryWait, 50*time.Millisecond)
	c.RetryBudget = or(c.RetryBudget, 20)
	c.MaxRetryWait = or(c.MaxRetryWait, time.Second)
	c.MaxInFlight = or(c.MaxInFlight, 64)
	c.MaxBody = or(c.MaxBody, 1<<20)
	c.Window = or(c.Window, time.Minute)
	c.MinimumCalls = or(c.MinimumCalls, 10)
	if c.WindowCalls = max(c.WindowCalls, 0); c.WindowCalls > 0 {
		c.MinimumCalls = min(c.MinimumCalls, c.WindowCalls) // more never come together
	}
	c.FailureRate = or(c.FailureRate, 50)
	c.SlowRate = or(c.SlowRate, 100)
	if c.KeyHeader == "" {
		c.KeyHeader = DefaultKeyHeader
	}
	c.OpenFor = or(c.OpenFor, 5*time.Second)
	c.Probes = or(c.Probes, 1)
	return c
}

func or[T int | int64 | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// Client calls one service. It follows no redirects: a redirect is an answer.
type Client struct {
	*http.Client
	breaker *breaker
}

// New is a client that can be asked whether it lets calls through.
func New(c Config) *Client {
	t := newTransport(c.complete())
	return &Client{
		Client: &http.Client{
			Transport:     t,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		breaker: t.breaker,
	}
}

// Ready returns how long no call will be let through, when that is so: the breaker is open, or the
// callee asked to be left alone.
func (c *Client) Ready() (retryAfter time.Duration, ready bool) { return c.breaker.ready() }

// NewClient is New for who only calls.
func NewClient(c Config) *http.Client { return New(c).Client }
