package resilience

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/sony/gobreaker/v2"
	"go.opentelemetry.io/otel/propagation"
)

// errFailed is an answer that counts against the callee.
var errFailed = errors.New("answered with a failure")

type transport struct {
	Config
	breaker *breaker
	budget  *budget
	places  chan struct{}
	metrics *metrics
}

func newTransport(c Config) *transport {
	t := &transport{
		Config: c, budget: newBudget(c.RetryBudget), places: make(chan struct{}, c.MaxInFlight), metrics: newMetrics(c.Registry),
	}
	t.metrics.state.WithLabelValues(c.Name).Set(0)
	t.breaker = newBreaker(c, func(from, to gobreaker.State) {
		c.Log.Warn("breaker changed", "callee", c.Name, "from", from.String(), "to", to.String())
		t.metrics.state.WithLabelValues(c.Name).Set(float64(to))
	})
	return t
}

// RoundTrip tries until there is an answer to give.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	defer closeBody(r)
	if err := ctx.Err(); err != nil { // the caller's doing: the callee has had no chance
		return nil, t.explained(ctx, err, false)
	}
	if wait, ready := t.breaker.ready(); !ready {
		t.metrics.calls.WithLabelValues(t.Name, "refused").Inc()
		return nil, fmt.Errorf("%w, %w: %s: for %v", ErrNotSent, ErrUnavailable, t.Name, wait)
	}
	select {
	case t.places <- struct{}{}:
		defer func() { <-t.places }()
	default:
		t.metrics.calls.WithLabelValues(t.Name, "full").Inc()
		return nil, fmt.Errorf("%w, %w: %s: too many calls at once", ErrNotSent, ErrUnavailable, t.Name)
	}
	t.budget.earn()
	sent := false // the callee may have seen something of it
	for try := 0; ; try++ {
		resp, maybe, err := t.try(r, try)
		sent = sent || maybe
		wait, again := t.again(r, resp, err, try)
		if again && !t.budget.spend() {
			again = false
			t.metrics.withheld.WithLabelValues(t.Name).Inc()
		}
		if !again {
			return resp, t.explained(ctx, err, sent)
		}
		t.metrics.retries.WithLabelValues(t.Name).Inc()
		select {
		case <-ctx.Done():
			return nil, t.explained(ctx, ctx.Err(), sent)
		case <-time.After(wait):
		}
	}
}

// try asks once, if the breaker lets it, and reads the answer to its end.
func (t *transport) try(r *http.Request, n int) (resp *http.Response, sent bool, err error) {
	done, err := t.breaker.allow()
	if err != nil {
		t.metrics.calls.WithLabelValues(t.Name, "refused").Inc()
		return nil, false, err
	}
	began := time.Now()
	resp, sent, err = t.ask(r, n)
	outcome, verdict := judge(r.Context(), resp, err)
	slow := t.SlowAfter > 0 && time.Since(began) > t.SlowAfter
	if slow && outcome == "answered" {
		outcome = "slow"
	}
	t.metrics.calls.WithLabelValues(t.Name, outcome).Inc()
	done(verdict, slow)
	if wait, asked := retryAfter(resp); asked {
		t.breaker.pause(wait)
	}
	return resp, sent, err
}

// judge says what an outcome is called, and whether it counts against the callee (not nil).
func judge(caller context.Context, resp *http.Response, err error) (string, error) {
	switch {
	case errors.Is(caller.Err(), context.Canceled):
		return "canceled", context.Canceled
	case errors.Is(err, ErrAnswerTooLarge):
		return "too_large", nil
	case err != nil:
		return "no_answer", errFailed
	case resp.StatusCode >= http.StatusInternalServerError:
		return "failed", errFailed
	}
	return "answered", nil
}

func (t *transport) ask(r *http.Request, n int) (resp *http.Response, sent bool, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), t.Timeout)
	defer cancel()
	ctx, way := Watch(ctx)
	req := r.Clone(ctx)
	if n > 0 && r.GetBody != nil {
		if req.Body, err = r.GetBody(); err != nil {
			return nil, false, err
		}
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	answer, err := t.Transport.RoundTrip(req)
	if err != nil {
		return nil, way.had.Load() || !way.Missed() && !errors.Is(err, ErrNotSent), err
	}
	defer func() { _ = answer.Body.Close() }() // it has been read
	body, err := io.ReadAll(io.LimitReader(answer.Body, t.MaxBody+1))
	switch {
	case err != nil:
		return nil, true, err
	case int64(len(body)) > t.MaxBody:
		return nil, true, fmt.Errorf("%w: more than %d bytes", ErrAnswerTooLarge, t.MaxBody)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, true, nil
}

// again decides whether to try once more, and how long to wait before.
func (t *transport) again(r *http.Request, resp *http.Response, err error, try int) (time.Duration, bool) {
	if try >= t.Retries || r.Context().Err() != nil || !Repeatable(r, t.KeyHeader) || refused(err) || errors.Is(err, ErrAnswerTooLarge) {
		return 0, false
	}
	wait := t.RetryWait << min(try, 16)
	wait = wait/2 + rand.N(wait/2+1) //nolint:gosec // spreads the retries, guards nothing
	if err != nil {
		return min(wait, t.MaxRetryWait), true
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	if asked, says := retryAfter(resp); says {
		asked = max(asked, t.breaker.pausedFor()) // a moment's difference would have the pause refuse it
		return max(asked, min(wait, t.MaxRetryWait)), asked <= t.MaxRetryWait
	}
	return min(wait, t.MaxRetryWait), true
}

// retryAfter is how long a callee that refuses asks to be left alone: a number of seconds or a
// date (RFC 9110, 10.2.3), by our clock. More than an hour is an hour.
func retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	asked := resp.Header.Get("Retry-After")
	if date, err := http.ParseTime(asked); err == nil {
		return min(max(time.Until(date), 0), time.Hour), true
	}
	seconds, err := strconv.ParseUint(asked, 10, 64) // the largest there is when out of range
	return time.Duration(min(seconds, 3600)) * time.Second, err == nil || errors.Is(err, strconv.ErrRange)
}

// Repeatable tells whether doing r twice does no more than doing it once: by its method, or because
// it has a header keyHeader by which the callee knows it again. A body must be there to be read again.
func Repeatable(r *http.Request, keyHeader string) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Header.Get(keyHeader) != ""
}

func refused(err error) bool {
	return errors.Is(err, errPaused) || errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}

// explained makes an end without an answer ErrUnavailable, unless the caller ended it.
func (t *transport) explained(caller context.Context, err error, sent bool) error {
	switch {
	case err == nil, errors.Is(err, ErrAnswerTooLarge):
		return err
	case errors.Is(caller.Err(), context.Canceled):
		return context.Canceled
	}
	if !sent {
		return fmt.Errorf("%w, %w: %s: %w", ErrNotSent, ErrUnavailable, t.Name, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, t.Name, err)
}

// closeBody does what a RoundTripper owes its caller, however it ends.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
