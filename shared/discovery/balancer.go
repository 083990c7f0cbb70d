package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/micropay/micropay/shared/resilience"
)

// Balancer sends each request to an instance of a service: http.RoundTripper. It takes the
// instances in turn.
//
// Its health checks are passive, the calls themselves. An instance that cannot be connected to is
// ejected at once, and one that fails EjectAfter calls in a row (no answer, or one of 5xx), both
// for EjectFor; after that a single failure ejects it again, a good answer forgives all. The last
// one is never ejected: if all fail, it is not the instance.
//
// A request goes on to the next instance if nothing of it was sent: no connection was had. If it
// may have been, it goes on only when resilience.Repeatable, and once. When no other is left, those
// ejected are tried too.
//
// A resilience client stands around the balancer, never inside it. Its breaker judges the callee,
// for a caller cannot do more about a service of which nobody answers than leave it alone; one
// instance of three that died is no reason for that, and the breaker does not even hear of it. A
// breaker for each instance would see too few calls to judge by, of processes that come and go:
// ejection is what is left of it. Retries outside also reach another instance each time, and
// timeout, bulkhead and retry budget bound the balancer's own tries, too.
type Balancer struct {
	Options
	instances Resolver
	service   string
	ownHost   bool // the Host header names the instance, instead of the service
	health    *health
}

// NewBalancer spreads requests over the instances of a service that r tells; r should be a Cache,
// for it is asked for each request. The host in a request's URL is the service's name, for the Host
// header only.
func NewBalancer(r Resolver, service string, o Options) *Balancer {
	o = o.complete()
	b := &Balancer{Options: o, instances: r, service: service, health: newHealth(o)}
	b.health.measure(o)
	return b
}

// connectTimeout is short, so that when a host is gone without a word there is time left for the
// next within the same try.
const connectTimeout = 500 * time.Millisecond

func newTransport() http.RoundTripper {
	t := resilience.NewTransport()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	return t
}

// RoundTrip implements http.RoundTripper. Errors: resilience.ErrNotSent when there is no instance
// to ask, else that of the last instance asked.
func (b *Balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	all, err := b.instances.Instances(r.Context(), b.service)
	if err != nil {
		closeBody(r)
		return nil, fmt.Errorf("%w: find %s: %w", resilience.ErrNotSent, b.Name, err)
	}
	repeatable, again := resilience.Repeatable(r, b.KeyHeader), hasNoBody(r) || r.GetBody != nil
	for n, instance := range b.health.inOrder(all) {
		if n > 0 && (!again || r.Context().Err() != nil) {
			break
		}
		var resp *http.Response
		var missed bool
		resp, missed, err = b.ask(r, instance, n > 0)
		if err == nil {
			return resp, nil
		}
		if !missed {
			again = again && repeatable
			repeatable = false
		}
	}
	return nil, err
}

// ask sends r to one instance. missed tells that nothing was sent.
func (b *Balancer) ask(r *http.Request, i Instance, anew bool) (resp *http.Response, missed bool, err error) {
	ctx, way := resilience.Watch(r.Context())
	req := r.Clone(ctx)
	req.URL.Host = i.String()
	if b.ownHost {
		req.Host = ""
	}
	if anew && r.GetBody != nil {
		if req.Body, err = r.GetBody(); err != nil {
			return nil, true, err
		}
	}
	resp, err = b.Base.RoundTrip(req)
	switch {
	case err == nil && resp.StatusCode < http.StatusInternalServerError:
		b.health.good(i)
	case err == nil:
		b.health.failed(i, fmt.Errorf("it answered %d", resp.StatusCode))
	case errors.Is(r.Context().Err(), context.Canceled): // the caller's doing
	case way.Missed() && r.Context().Err() == nil: // not merely out of time
		b.health.unreachable(i, err)
	default:
		b.health.failed(i, err)
	}
	return resp, way.Missed(), err
}

func hasNoBody(r *http.Request) bool { return r.Body == nil || r.Body == http.NoBody }

// closeBody does what a RoundTripper owes its caller, however it ends.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
