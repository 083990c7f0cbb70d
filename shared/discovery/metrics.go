package discovery

import "github.com/prometheus/client_golang/prometheus"

// measure tells the registry of the instances' health. A second balancer of the same name is not
// measured.
func (h *health) measure(o Options) {
	gauge(o, "discovery_instances", "Instances of a callee that are known.", h.countKnown)
	gauge(o, "discovery_instances_ejected", "Instances of a callee that are left alone for a while, since they failed.", h.countEjected)
	counter(o, "discovery_ejections_total", "How often an instance of a callee was left alone, since it failed.", h.countEjections)
}

// measure tells the registry how often the source failed.
func (c *Cache) measure(o Options) {
	counter(o, "discovery_source_failures_total", "How often the source of a callee's instances gave no answer.", func() float64 {
		return float64(c.failures.Load())
	})
}

func gauge(o Options, name, help string, read func() float64) {
	if o.Registry != nil {
		_ = o.Registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: name, Help: help, ConstLabels: prometheus.Labels{"callee": o.Name},
		}, read))
	}
}

func counter(o Options, name, help string, read func() float64) {
	if o.Registry != nil {
		_ = o.Registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: name, Help: help, ConstLabels: prometheus.Labels{"callee": o.Name},
		}, read))
	}
}
