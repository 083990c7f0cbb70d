// Package peer makes the client by which one service calls another: the other is found by any
// kind of address, shown the service token, and called with timeout, retries, breaker and bulkhead.
package peer

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/shared/discovery"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/problem"
	"github.com/micropay/micropay/shared/resilience"
	"github.com/micropay/micropay/shared/token"
)

// Config says who is called, and how.
type Config struct {
	Name      string // of the service
	Variable  string // that its address is in, for errors
	Address   string // as discovery.Parse reads it
	Token     string // that services show each other
	Calls     resilience.Settings
	Instances discovery.Settings
	Log       *slog.Logger
	Registry  prometheus.Registerer
	HTTP      *http.Client // calls it instead, if not nil
}

// Peer is a service that can be called.
type Peer struct {
	Base string // what paths come after
	HTTP *http.Client
}

// withRequestID tells the callee which request of ours its own belongs to.
type withRequestID struct{ base http.RoundTripper }

func (t withRequestID) RoundTrip(r *http.Request) (*http.Response, error) {
	if id := httpserver.RequestID(r.Context()); id != "" {
		r = r.Clone(r.Context())
		r.Header.Set(problem.RequestIDHeader, id)
	}
	return t.base.RoundTrip(r)
}

// New makes the client; it calls nobody yet. Timeout, retries and breaker stand around the choice
// of an instance: see discovery.Balancer.
func New(ctx context.Context, c Config) (Peer, error) {
	at, err := discovery.Parse(c.Address)
	if err != nil {
		return Peer{}, fmt.Errorf("%s: %w", c.Variable, err)
	}
	if c.HTTP != nil {
		return Peer{at.Base(), c.HTTP}, nil
	}
	instances, err := at.Transport(ctx, discovery.Options{Name: c.Name, Settings: c.Instances, Log: c.Log, Registry: c.Registry})
	if err != nil {
		return Peer{}, fmt.Errorf("%s: %w", c.Variable, err)
	}
	calls := c.Calls.Client(c.Name)
	calls.Transport = token.ServiceTransport(c.Token, withRequestID{instances})
	calls.Log, calls.Registry = c.Log, c.Registry
	return Peer{at.Base(), resilience.NewClient(calls)}, nil
}
