package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/micropay/micropay/auth/domain"
)

var (
	throttle = domain.Throttle{Free: 5, First: time.Second, Longest: 15 * time.Minute, Forget: 24 * time.Hour}
	noon     = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func TestThrottle_DoublesAfterFiveFailuresUpToFifteenMinutes(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{
		0: 0, 1: 0, 4: 0, 5: time.Second, 6: 2 * time.Second, 7: 4 * time.Second, 14: 512 * time.Second,
		15: 15 * time.Minute, 99: 15 * time.Minute, 1 << 40: 15 * time.Minute,
	} {
		require.Equal(t, want, throttle.Wait(domain.Failures{Count: failures, Last: noon}, noon), "%d failures", failures)
	}
	six := domain.Failures{Count: 6, Last: noon}
	require.Equal(t, time.Second, throttle.Wait(six, noon.Add(time.Second)), "waiting counts")
	require.Zero(t, throttle.Wait(six, noon.Add(2*time.Second)), "nobody is locked out for good")
}

func TestThrottle_ForgetsOldFailures(t *testing.T) {
	t.Parallel()
	old := domain.Failures{Count: 40, Last: noon}
	require.Equal(t, domain.Failures{Count: 41, Last: noon.Add(time.Hour)}, throttle.Fail(old, noon.Add(time.Hour)))
	require.Equal(t, domain.Failures{Count: 1, Last: noon.Add(25 * time.Hour)}, throttle.Fail(old, noon.Add(25*time.Hour)))
}

func TestThrottle_AllowsFewGuessesInADay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, now, judged := domain.Failures{}, noon, 0
		for end := noon.Add(24 * time.Hour); now.Before(end); {
			if throttle.Wait(state, now) == 0 {
				judged, state = judged+1, throttle.Fail(state, now)
			}
			now = now.Add(time.Duration(rapid.Int64Range(1, int64(10*time.Minute)).Draw(t, "pause")))
		}
		require.LessOrEqual(t, judged, 15+24*4, "no pattern of pauses buys more guesses")
	})
}
