package resilience_test

import (
	"testing"

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
