package resilience_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/resilience"
)

type service struct {
	Auth resilience.Settings `envPrefix:"AUTH_CLIENT_"`
}

func (s service) Validate() error { return errors.Join(s.Auth.Mistakes("AUTH_CLIENT_")...) }

func TestSettings_AreReadInResilience4jsWords(t *testing.T) {
	t.Parallel()
	got, err := config.Load[service](nil)
	require.NoError(t, err)
	c := got.Auth.Client("auth")
	require.Equal(t, resilience.Config{
		Name: "auth", Timeout: 2 * time.Second, Retries: 2, RetryWait: 50 * time.Millisecond, RetryBudget: 20, MaxInFlight: 64,
		WindowCalls: 100, MinimumCalls: 10, FailureRate: 50, SlowAfter: time.Minute, SlowRate: 100, OpenFor: 5 * time.Second, Probes: 3,
	}, c)

	got, err = config.Load[service]([]string{
		"AUTH_CLIENT_TIMEOUT=1s", "AUTH_CLIENT_MAX_ATTEMPTS=1", "AUTH_CLIENT_MAX_CONCURRENT_CALLS=25", "AUTH_CLIENT_SLIDING_WINDOW_TYPE=TIME_BASED",
		"AUTH_CLIENT_SLIDING_WINDOW_SIZE=30", "AUTH_CLIENT_MINIMUM_NUMBER_OF_CALLS=7", "AUTH_CLIENT_FAILURE_RATE_THRESHOLD=40",
		"AUTH_CLIENT_SLOW_CALL_RATE_THRESHOLD=60", "AUTH_CLIENT_SLOW_CALL_DURATION_THRESHOLD=500ms", "AUTH_CLIENT_WAIT_DURATION_IN_OPEN_STATE=9s",
		"AUTH_CLIENT_PERMITTED_CALLS_IN_HALF_OPEN=5", "AUTH_CLIENT_RETRY_WAIT_DURATION=1ms", "AUTH_CLIENT_RETRY_BUDGET=5",
	})
	require.NoError(t, err)
	require.Equal(t, resilience.Config{
		Name: "auth", Timeout: time.Second, Retries: -1, RetryWait: time.Millisecond, RetryBudget: 5, MaxInFlight: 25,
		Window: 30 * time.Second, MinimumCalls: 7, FailureRate: 40, SlowAfter: 500 * time.Millisecond, SlowRate: 60, OpenFor: 9 * time.Second, Probes: 5,
	}, got.Auth.Client("auth"))
}

func TestSettings_MistakesAreToldByTheirVariables(t *testing.T) {
	t.Parallel()
	_, err := config.Load[service]([]string{
		"AUTH_CLIENT_TIMEOUT=0s", "AUTH_CLIENT_MAX_ATTEMPTS=0", "AUTH_CLIENT_MAX_CONCURRENT_CALLS=0", "AUTH_CLIENT_SLIDING_WINDOW_TYPE=both",
		"AUTH_CLIENT_SLIDING_WINDOW_SIZE=0", "AUTH_CLIENT_MINIMUM_NUMBER_OF_CALLS=0", "AUTH_CLIENT_FAILURE_RATE_THRESHOLD=101",
		"AUTH_CLIENT_SLOW_CALL_RATE_THRESHOLD=0", "AUTH_CLIENT_SLOW_CALL_DURATION_THRESHOLD=0s", "AUTH_CLIENT_WAIT_DURATION_IN_OPEN_STATE=-1s",
		"AUTH_CLIENT_PERMITTED_CALLS_IN_HALF_OPEN=0", "AUTH_CLIENT_RETRY_WAIT_DURATION=0s", "AUTH_CLIENT_RETRY_BUDGET=101",
	})
	for _, name := range []string{
		"TIMEOUT", "MAX_ATTEMPTS", "MAX_CONCURRENT_CALLS", "SLIDING_WINDOW_TYPE", "SLIDING_WINDOW_SIZE", "MINIMUM_NUMBER_OF_CALLS",
		"FAILURE_RATE_THRESHOLD", "SLOW_CALL_RATE_THRESHOLD", "SLOW_CALL_DURATION_THRESHOLD", "WAIT_DURATION_IN_OPEN_STATE",
		"PERMITTED_CALLS_IN_HALF_OPEN", "RETRY_WAIT_DURATION", "RETRY_BUDGET",
	} {
		require.ErrorContains(t, err, "AUTH_CLIENT_"+name+": ")
	}
	_, err = config.Load[service]([]string{"AUTH_CLIENT_SLIDING_WINDOW_SIZE=5"})
	require.ErrorContains(t, err, "AUTH_CLIENT_MINIMUM_NUMBER_OF_CALLS: must not be more than AUTH_CLIENT_SLIDING_WINDOW_SIZE", "it would never judge")
	_, err = config.Load[service]([]string{"AUTH_CLIENT_SLIDING_WINDOW_SIZE=5", "AUTH_CLIENT_SLIDING_WINDOW_TYPE=TIME_BASED"})
	require.NoError(t, err, "in five seconds there may be ten calls")
}

// All that a client does about a callee that is away, in one.
func TestSettings_MakeOneClient_OfTimeoutRetryBulkheadAndBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		set, err := config.Load[service](nil)
		require.NoError(t, err)
		p := &psp{status: 503, takes: time.Hour}
		c := set.Auth.Client("auth")
		c.Transport = p
		client := resilience.New(c)
		began := time.Now()
		_, _, err = call(t, client.Client, http.MethodGet, "http://auth.example")
		require.ErrorIs(t, err, resilience.ErrUnavailable)
		require.Equal(t, 3, p.calls, "retried")
		require.InDelta(t, 6*time.Second, time.Since(began), float64(200*time.Millisecond), "timed out")
		for p.takes = 0; p.calls < 10; {
			_, _, err = call(t, client.Client, http.MethodPost, "http://auth.example")
			require.NoError(t, err)
		}
		wait, ready := client.Ready()
		require.False(t, ready, "broken")
		require.LessOrEqual(t, wait, 5*time.Second)
	})
}
