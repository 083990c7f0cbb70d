package resilience_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

func requireReady(t *testing.T, c *resilience.Client, want bool) {
	t.Helper()
	_, ready := c.Ready()
	require.Equal(t, want, ready)
}

func TestBreaker_ByDefault_JudgesFromTenCallsOn(t *testing.T) {
	t.Parallel()
	p := &psp{status: 500}
	c := resilience.New(resilience.Config{Name: "psp", Transport: p})
	require.NoError(t, p.called(t, c, 9))
	requireReady(t, c, true)
	require.NoError(t, p.called(t, c, 1))
	requireReady(t, c, false)
	require.ErrorIs(t, p.called(t, c, 5), resilience.ErrNotSent)
	require.Equal(t, 10, p.calls)
}

func TestBreaker_WindowOfCalls_JudgesByTheLastHoweverOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &psp{status: 500}
		c := p.client(func(c *resilience.Config) { c.Window, c.WindowCalls, c.MinimumCalls = time.Second, 5, 100 })
		require.NoError(t, p.called(t, c, 2))
		p.status = 200
		require.NoError(t, p.called(t, c, 4), "one failure of the last five is left")
		p.status = 500
		require.NoError(t, p.called(t, c, 1), "one of them again: the oldest has just made room")
		requireReady(t, c, true)
		time.Sleep(time.Hour)
		require.NoError(t, p.called(t, c, 1))
		requireReady(t, c, true)
		time.Sleep(time.Hour)
		require.NoError(t, p.called(t, c, 1), "three of the last five, hours apart")
		requireReady(t, c, false)

		time.Sleep(time.Hour + 1)
		p.status = 200
		require.NoError(t, p.called(t, c, 1), "a good trial")
		p.status = 500
		require.NoError(t, p.called(t, c, 4), "judged afresh, from five calls on")
		requireReady(t, c, true)
		require.NoError(t, p.called(t, c, 1))
		requireReady(t, c, false)
	})
}

func TestBreaker_WindowOfTime_ForgetsWhatIsOlder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &psp{status: 500}
		c := p.client(func(c *resilience.Config) { c.Window = 10 * time.Second })
		require.NoError(t, p.called(t, c, 3))
		time.Sleep(11 * time.Second)
		require.NoError(t, p.called(t, c, 3))
		requireReady(t, c, true)
		time.Sleep(5 * time.Second)
		require.NoError(t, p.called(t, c, 1), "the fourth within ten seconds")
		requireReady(t, c, false)
	})
}
