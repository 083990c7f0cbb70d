// Package resilience makes the HTTP clients by which one service calls another.
//
// A call takes a bounded time and memory, and so does a callee that is slow or away: each try has
// a timeout, calls that may be repeated are, a little later each time, and after failures in a
// row the breaker opens and calls are refused at once, until a probe gets through. Whatever ends
// without an answer is ErrUnavailable, except the caller's own giving up.
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
	// ErrAnswerTooLarge means that the answer was longer than is read.
	ErrAnswerTooLarge = errors.New("answer too large")
)

// Config of a client. The zero value of each but Name means the default.
type Config struct {
	Name         string                // of the callee, in logs and metrics
	Transport    http.RoundTripper     // default http.DefaultTransport
	Timeout      time.Duration         // of each try, its body included; default 2 s
	Retries      int                   // after the first try; default 2, negative for none
	RetryWait    time.Duration         // before the first retry, doubled each time, jittered; default 50 ms
	MaxRetryWait time.Duration         // a Retry-After beyond it ends the retries; default 1 s
	MaxInFlight  int                   // calls at a time, more are refused; default 64
	MaxBody      int64                 // bytes of an answer; default 1 MiB
	OpenAfter    int                   // failures in a row that open the breaker; default 5
	OpenFor      time.Duration         // until probes are let through; default 5 s
	Probes       int                   // that must succeed to close it; default 1
	Log          *slog.Logger          // hears of the breaker's changes; default none
	Registry     prometheus.Registerer // default none
}

func (c Config) complete() Config {
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
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
	c.MaxRetryWait = or(c.MaxRetryWait, time.Second)
	c.MaxInFlight = or(c.MaxInFlight, 64)
	c.MaxBody = or(c.MaxBody, 1<<20)
	c.OpenAfter = or(c.OpenAfter, 5)
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

// NewClient is a client that calls one service. It follows no redirects: a redirect is an answer.
func NewClient(c Config) *http.Client {
	return &http.Client{
		Transport:     newTransport(c.complete()),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
