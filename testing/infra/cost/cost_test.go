package cost_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/infra/cost"
)

const root = "../../.."

func estimate(t *testing.T) cost.Estimate {
	t.Helper()
	e, err := cost.Compute(root)
	require.NoError(t, err)
	return e
}

func TestDocument_IsCurrent(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(root + "/docs/cost.md")
	require.NoError(t, err)
	require.Equal(t, string(want), estimate(t).Document(), "make cost writes it anew")
}

func TestCompute_EveryPriceIsUsedAndHasItsSource(t *testing.T) {
	t.Parallel()
	e := estimate(t)
	for name, p := range e.Prices {
		require.Positive(t, p.USD, name)
		require.Regexp(t, `^https://aws\.amazon\.com/.+/$`, p.Source, name)
		require.Truef(t, e.Used[name], "%s: nothing costs this", name)
	}
}

// Lines reckoned by hand: three t3.medium of 20 GB and a control plane for 730 hours; two NAT gateways with their
// addresses, four endpoints in two zones, letters through the one and events through the other.
func TestCompute_AddsUpAsByHand(t *testing.T) {
	t.Parallel()
	e := estimate(t)
	require.InDelta(t, 730*(0.10+3*0.0416)+3*20*0.08, e.Of("100/s", "EKS and nodes"), 0.005)
	const transfers = 100 * 730 * 3600
	require.InDelta(t, 2*730*(0.045+0.005)+4*2*730*0.01+transfers*(2*6e-6*0.045+2*1.5e-6*0.01), e.Of("100/s", "NAT and endpoints"), 0.005)
	for _, l := range e.Loads {
		sum := 0.0
		for _, service := range e.Services() {
			sum += e.Of(l.Name, service)
		}
		require.InDelta(t, sum, e.Total(l.Name), 0.001)
	}
	require.Greater(t, e.Total("10,000/s"), e.Total("1,000/s"))
}
