package resilience

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	state    *prometheus.GaugeVec
	calls    *prometheus.CounterVec
	retries  *prometheus.CounterVec
	withheld *prometheus.CounterVec
}

// newMetrics are shared by all clients of one registry.
func newMetrics(reg prometheus.Registerer) *metrics {
	return &metrics{
		state: shared(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "client_breaker_state", Help: "State of the breaker before a callee: 0 closed, 1 half-open, 2 open.",
		}, []string{"callee"})),
		calls: shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "client_calls_total", Help: "Tries to call a callee, by outcome.",
		}, []string{"callee", "outcome"})),
		retries: shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "client_retries_total", Help: "Tries after the first.",
		}, []string{"callee"})),
		withheld: shared(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "client_retries_withheld_total", Help: "Tries after the first that were not made, since retries were too many of the calls.",
		}, []string{"callee"})),
	}
}

func shared[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	err := reg.Register(c)
	if known := (prometheus.AlreadyRegisteredError{}); errors.As(err, &known) {
		if same, ok := known.ExistingCollector.(C); ok {
			return same
		}
	}
	return c
}
