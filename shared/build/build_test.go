package build_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/build"
	"github.com/micropay/micropay/shared/telemetry"
)

func TestInfo_OfAnUnstampedBuild_SaysSo(t *testing.T) {
	t.Parallel()
	require.Equal(t, "dev", build.Version())
	require.NotEmpty(t, build.Commit(), "what Go knows of it, or unknown")
	require.Regexp(t, `^auth dev \(commit \S+, go1\.\S+\)$`, build.Line("auth"))
}

func TestRegistry_TellsWhichBuildItIs(t *testing.T) {
	t.Parallel()
	families, err := telemetry.NewRegistry().Gather()
	require.NoError(t, err)
	var found *dto.MetricFamily
	for _, f := range families {
		if f.GetName() == "build_info" {
			found = f
		}
	}
	require.NotNil(t, found, "build_info")
	require.Len(t, found.GetMetric(), 1)
	labels := prometheus.Labels{}
	for _, l := range found.GetMetric()[0].GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	require.Equal(t, build.Version(), labels["version"])
	require.Equal(t, build.Commit(), labels["commit"])
	require.InDelta(t, 1, found.GetMetric()[0].GetGauge().GetValue(), 0)
}
