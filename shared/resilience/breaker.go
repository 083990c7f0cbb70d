package resilience

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// breaker opens when too many of the calls of a sliding window failed, or were slow: two
// breakers of gobreaker's, both of which must let a call through. Its words are those of
// resilience4j.
type breaker struct {
	failing, slow *gobreaker.TwoStepCircuitBreaker[any]
	openFor       time.Duration
	changed       func(from, to gobreaker.State)

	mu     sync.Mutex
	states map[string]gobreaker.State // of each of the two
	opened time.Time                  // when one of the two opened last
	paused time.Time                  // until when the callee asked to be left alone
}

func newBreaker(c Config, changed func(from, to gobreaker.State)) *breaker {
	b := &breaker{openFor: c.OpenFor, changed: changed, states: map[string]gobreaker.State{}}
	b.failing = judging(c, "failing", c.FailureRate, b.onChange)
	b.slow = judging(c, "slow", c.SlowRate, b.onChange)
	return b
}

// onChange tells of a change of the whole, which is as open as the more open of the two.
func (b *breaker) onChange(what string, _, to gobreaker.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if to == gobreaker.StateOpen {
		b.opened = time.Now()
	}
	before := b.state()
	b.states[what] = to
	if after := b.state(); after != before {
		b.changed(before, after)
	}
}

func (b *breaker) state() gobreaker.State { return max(b.states["failing"], b.states["slow"]) }

// errPaused refuses a call because the callee asked to be left alone.
var errPaused = errors.New("asked to be left alone")

// allow lets a call through; done must be told how it ended.
func (b *breaker) allow() (done func(failed error, slow bool), err error) {
	if b.pausedFor() > 0 {
		return nil, errPaused
	}
	failing, err := b.failing.Allow()
	if err != nil {
		return nil, err
	}
	slow, err := b.slow.Allow()
	if err != nil {
		failing(context.Canceled) // it was not made
		return nil, err
	}
	return func(failed error, wasSlow bool) {
		failing(failed)
		switch {
		case errors.Is(failed, context.Canceled):
			slow(failed)
		case wasSlow:
			slow(errFailed)
		default:
			slow(nil)
		}
	}, nil
}

// pause leaves the callee alone for a while, because it asked for that.
func (b *breaker) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := time.Now().Add(min(d, maxPause)); until.After(b.paused) {
		b.paused = until
	}
}

// maxPause bounds how long a callee can ask to be left alone.
const maxPause = time.Minute

func (b *breaker) pausedFor() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.paused)
}

// ready returns how long no call is let through.
func (b *breaker) ready() (time.Duration, bool) {
	wait := b.pausedFor()
	b.mu.Lock()
	opened := b.opened
	b.mu.Unlock()
	if b.failing.State() == gobreaker.StateOpen || b.slow.State() == gobreaker.StateOpen {
		wait = max(wait, time.Until(opened.Add(b.openFor)), time.Millisecond)
	}
	return max(wait, 0), wait <= 0
}
