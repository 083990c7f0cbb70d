package resilience

import (
	"fmt"
	"time"
)

// Settings are what an operator can say about the client of one callee, for a configuration to hold
// with an envPrefix that names the callee. The words are those of resilience4j, and so are the
// defaults where nothing speaks against them. These differ:
//   - MINIMUM_NUMBER_OF_CALLS is 10, not 100: a callee that only fails is left alone after ten calls;
//   - WAIT_DURATION_IN_OPEN_STATE is 5s, not 60s: services wait for each other, and a restart takes seconds;
//   - PERMITTED_CALLS_IN_HALF_OPEN is 3, not 10, since here all of them must be good to close the breaker;
//   - TIMEOUT is 2s, not 1s: a callee may wait for a lock of its database;
//   - RETRY_WAIT_DURATION is 50ms, not 500ms, for somebody is waiting; it is doubled each time and jittered;
//   - MAX_CONCURRENT_CALLS is 64, not 25.
//
// SLOW_CALL_DURATION_THRESHOLD is resilience4j's 60s, so that no call is slow, since each ends at
// TIMEOUT, until it is set. RETRY_BUDGET is not of resilience4j.
type Settings struct {
	Timeout      time.Duration `env:"TIMEOUT" envDefault:"2s"`                       // of each try, its answer included
	Attempts     int           `env:"MAX_ATTEMPTS" envDefault:"3"`                   // of calls that may be repeated, the first included
	RetryWait    time.Duration `env:"RETRY_WAIT_DURATION" envDefault:"50ms"`         // before the second attempt
	RetryBudget  int           `env:"RETRY_BUDGET" envDefault:"20"`                  // retries in percent of the calls, ten more in reserve
	MaxInFlight  int           `env:"MAX_CONCURRENT_CALLS" envDefault:"64"`          // more are refused at once
	WindowType   string        `env:"SLIDING_WINDOW_TYPE" envDefault:"COUNT_BASED"`  // or TIME_BASED
	WindowSize   int           `env:"SLIDING_WINDOW_SIZE" envDefault:"100"`          // calls, or seconds
	MinimumCalls int           `env:"MINIMUM_NUMBER_OF_CALLS" envDefault:"10"`       // in it before the breaker judges
	FailureRate  int           `env:"FAILURE_RATE_THRESHOLD" envDefault:"50"`        // percent of failures that open it
	SlowRate     int           `env:"SLOW_CALL_RATE_THRESHOLD" envDefault:"100"`     // percent of slow calls that open it
	SlowAfter    time.Duration `env:"SLOW_CALL_DURATION_THRESHOLD" envDefault:"60s"` // a call that takes longer is slow
	OpenFor      time.Duration `env:"WAIT_DURATION_IN_OPEN_STATE" envDefault:"5s"`   // until trial calls are let through
	Probes       int           `env:"PERMITTED_CALLS_IN_HALF_OPEN" envDefault:"3"`   // trial calls, all of which must be good to close it
}

// The two values of SLIDING_WINDOW_TYPE.
const (
	countBased = "COUNT_BASED"
	timeBased  = "TIME_BASED"
)

// Client is a client of the callee so named, to be completed by what is not an operator's to say.
func (s Settings) Client(name string) Config {
	c := Config{
		Name: name, Timeout: s.Timeout, Retries: s.Attempts - 1, RetryWait: s.RetryWait, RetryBudget: s.RetryBudget, MaxInFlight: s.MaxInFlight,
		MinimumCalls: s.MinimumCalls, FailureRate: s.FailureRate, SlowAfter: s.SlowAfter, SlowRate: s.SlowRate, OpenFor: s.OpenFor, Probes: s.Probes,
	}
	if c.Retries == 0 {
		c.Retries = -1 // 0 would be the default
	}
	if s.WindowType == timeBased {
		c.Window = time.Duration(s.WindowSize) * time.Second
	} else {
		c.WindowCalls = s.WindowSize
	}
	return c
}

// Mistakes are what is wrong, each by its variable: prefix is that of the settings.
func (s Settings) Mistakes(prefix string) (errs []error) {
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"TIMEOUT", int64(s.Timeout)},
		{"MAX_ATTEMPTS", int64(s.Attempts)},
		{"RETRY_WAIT_DURATION", int64(s.RetryWait)},
		{"MAX_CONCURRENT_CALLS", int64(s.MaxInFlight)},
		{"SLIDING_WINDOW_SIZE", int64(s.WindowSize)},
		{"MINIMUM_NUMBER_OF_CALLS", int64(s.MinimumCalls)},
		{"SLOW_CALL_DURATION_THRESHOLD", int64(s.SlowAfter)},
		{"WAIT_DURATION_IN_OPEN_STATE", int64(s.OpenFor)},
		{"PERMITTED_CALLS_IN_HALF_OPEN", int64(s.Probes)},
	} {
		if n.value <= 0 {
			errs = append(errs, fmt.Errorf("%s%s: must be positive", prefix, n.name))
		}
	}
	for _, percent := range []struct {
		name  string
		value int
	}{
		{"RETRY_BUDGET", s.RetryBudget}, {"FAILURE_RATE_THRESHOLD", s.FailureRate}, {"SLOW_CALL_RATE_THRESHOLD", s.SlowRate},
	} {
		if percent.value < 1 || percent.value > 100 {
			errs = append(errs, fmt.Errorf("%s%s: must be from 1 to 100", prefix, percent.name))
		}
	}
	switch {
	case s.WindowType != countBased && s.WindowType != timeBased:
		errs = append(errs, fmt.Errorf("%sSLIDING_WINDOW_TYPE: must be %s or %s", prefix, countBased, timeBased))
	case s.WindowType == countBased && s.MinimumCalls > s.WindowSize: // more never come together
		errs = append(errs, fmt.Errorf("%sMINIMUM_NUMBER_OF_CALLS: must not be more than %sSLIDING_WINDOW_SIZE", prefix, prefix))
	}
	return errs
}
