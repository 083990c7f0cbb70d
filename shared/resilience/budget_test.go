package resilience_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

func TestRetries_CalleeThatOnlyFails_AreAFewOfTheCalls(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	c := newCallee(t, status(503))
	client := resilience.NewClient(resilience.Config{
		Name: "auth", Retries: 2, RetryWait: time.Microsecond, MinimumCalls: 100_000, RetryBudget: 20, Registry: reg,
	})
	const calls = 500
	for range calls {
		code, _, err := call(t, client, http.MethodGet, c.URL)
		require.NoError(t, err)
		require.Equal(t, 503, code, "the answer there is")
	}
	retries := c.tries.Load() - calls
	require.LessOrEqual(t, retries, int64(calls/5+10), "a fifth of the calls, and what a calm client has in reserve")
	require.GreaterOrEqual(t, retries, int64(calls/5))
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
		# HELP client_retries_withheld_total Tries after the first that were not made, since retries were too many of the calls.
		# TYPE client_retries_withheld_total counter
		client_retries_withheld_total{callee="auth"} 495
	`), "client_retries_withheld_total"))

	c.answer.Store(status(200))
	for range 50 {
		_, _, err := call(t, client, http.MethodGet, c.URL)
		require.NoError(t, err)
	}
	before := c.tries.Load()
	c.answer.Store(status(503))
	for range 5 {
		_, _, err := call(t, client, http.MethodGet, c.URL)
		require.NoError(t, err)
	}
	require.EqualValues(t, 15, c.tries.Load()-before, "good times earn the reserve back")
}
