package telemetry

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/micropay/micropay/shared/build"
)

// NewRegistry holds the metrics of one process, to begin with those of Go and of the process, and
// build_info, which is 1 and says by its labels which build runs.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "build_info", Help: "Which build this is.",
			ConstLabels: prometheus.Labels{"version": build.Version(), "commit": build.Commit(), "goversion": runtime.Version()},
		}, func() float64 { return 1 }),
	)
	return reg
}

// MetricsHandler answers with the metrics of reg, in Prometheus's format.
func MetricsHandler(reg *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg, MaxRequestsInFlight: 4})
}
