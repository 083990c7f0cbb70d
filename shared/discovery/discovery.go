// Package discovery finds the instances of a service and spreads calls over them.
//
// An address says how: a static list, DNS, or AWS Cloud Map (Parse). A Resolver asks the source, a
// Cache spares it and outlives its absence, and a Balancer takes the instances in turn, leaving
// alone those that do not answer. An address of one host goes without all of that: there is nothing
// to choose, and whoever is behind it (a Kubernetes Service, a load balancer) has chosen already.
//
// Nothing here registers an instance. Kubernetes and ECS do that for what they run, and take out
// what they stopped, which a process that registers itself cannot do once it has crashed.
package discovery

import (
	"context"
	"errors"
	"net"
	"strconv"
)

// Instance is where one process of a service listens.
type Instance struct {
	Host string // name or IP address
	Port int
}

// String is the instance as host:port.
func (i Instance) String() string { return net.JoinHostPort(i.Host, strconv.Itoa(i.Port)) }

// ErrNoInstances means that the source answered, and knows no instance that takes calls.
var ErrNoInstances = errors.New("no instances")

// Resolver asks a source for the instances of a service, whose name is in the source's own
// language (Address.Service). Each instance comes once. Errors: ErrNoInstances; all others mean
// that the source did not answer sensibly, and nothing is known.
type Resolver interface {
	Instances(ctx context.Context, service string) ([]Instance, error)
}
