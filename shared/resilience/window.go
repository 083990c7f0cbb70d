package resilience

import (
	"context"
	"errors"

	"github.com/sony/gobreaker/v2"
)

// buckets of a sliding window of time.
const buckets = 10

// lastCalls is a sliding window of calls, which gobreaker lacks: a ring of how each ended. It
// lives on gobreaker's own lock and bookkeeping, since it is told only of outcomes that count.
type lastCalls struct {
	bad  []bool
	seen int
}

func (l *lastCalls) add(bad bool) {
	l.bad[l.seen%len(l.bad)] = bad
	l.seen++
}

func (l *lastCalls) counts() (judged, bad int) {
	judged = min(l.seen, len(l.bad))
	for _, b := range l.bad[:judged] {
		if b {
			bad++
		}
	}
	return judged, bad
}

// judging is a breaker that opens when rate percent of the calls in its window were bad.
func judging(c Config, what string, rate int, changed func(what string, from, to gobreaker.State)) *gobreaker.TwoStepCircuitBreaker[any] {
	s := gobreaker.Settings{
		Name: what, MaxRequests: uint32(c.Probes), Timeout: c.OpenFor, OnStateChange: changed,
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
	}
	opens := func(judged, bad int) bool { return judged >= c.MinimumCalls && bad*100 >= rate*judged }
	if c.WindowCalls == 0 {
		s.Interval, s.BucketPeriod = c.Window, c.Window/buckets
		s.ReadyToTrip = func(n gobreaker.Counts) bool {
			return opens(int(n.TotalSuccesses+n.TotalFailures), int(n.TotalFailures))
		}
		return gobreaker.NewTwoStepCircuitBreaker[any](s)
	}
	last := &lastCalls{bad: make([]bool, c.WindowCalls)}
	s.IsSuccessful = func(err error) bool { // asked once for each outcome, before ReadyToTrip
		last.add(err != nil)
		return err == nil
	}
	s.ReadyToTrip = func(gobreaker.Counts) bool { return opens(last.counts()) }
	s.OnStateChange = func(what string, from, to gobreaker.State) {
		last.seen = 0
		changed(what, from, to)
	}
	return gobreaker.NewTwoStepCircuitBreaker[any](s)
}
