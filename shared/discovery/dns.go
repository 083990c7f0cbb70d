package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// DNS finds the instances of name:port as the addresses of name, all on that port. In Kubernetes
// that is a headless Service, whose name has an address for each ready pod. A name that ends with a
// dot is looked up as it is, without the resolver's search list.
type DNS struct {
	Resolver *net.Resolver // default: net.DefaultResolver
}

// Instances implements Resolver.
func (d DNS) Instances(ctx context.Context, service string) ([]Instance, error) {
	named, err := parseInstance(service)
	if err != nil {
		return nil, err
	}
	addresses, err := resolver(d.Resolver).LookupNetIP(ctx, "ip", named.Host)
	if err != nil {
		return nil, unknown(service, err)
	}
	var instances []Instance
	for _, a := range addresses {
		instances = append(instances, Instance{a.Unmap().String(), named.Port})
	}
	return distinct(instances), nil
}

// SRV finds the instances of _service._tcp.name by the SRV records (RFC 2782), which name hosts
// and ports. Only those of the best priority count, and their weights do not: calls are spread
// evenly. In Kubernetes each named port of a headless Service has them.
type SRV struct {
	Resolver *net.Resolver // default: net.DefaultResolver
}

// Instances implements Resolver.
func (d SRV) Instances(ctx context.Context, service string) ([]Instance, error) {
	if _, err := nameOfSRV(service); err != nil {
		return nil, fmt.Errorf("%q %w", service, err)
	}
	_, records, err := resolver(d.Resolver).LookupSRV(ctx, "", "", service)
	if err != nil {
		return nil, unknown(service, err)
	}
	var instances []Instance
	for _, r := range records { // the best priority first
		if r.Priority == records[0].Priority && r.Port != 0 {
			instances = append(instances, Instance{strings.TrimSuffix(r.Target, "."), int(r.Port)})
		}
	}
	if len(instances) == 0 {
		return nil, fmt.Errorf("%w of %s", ErrNoInstances, service)
	}
	return distinct(instances), nil
}

func resolver(r *net.Resolver) *net.Resolver {
	if r == nil {
		return net.DefaultResolver
	}
	return r
}

// unknown tells that there are none, which is an answer, from that there was no answer.
func unknown(service string, err error) error {
	if missing := (*net.DNSError)(nil); errors.As(err, &missing) && missing.IsNotFound {
		return fmt.Errorf("%w of %s", ErrNoInstances, service)
	}
	return fmt.Errorf("look up %s: %w", service, err)
}

// distinct puts instances in order, so that a source that shuffles them tells the same twice.
func distinct(instances []Instance) []Instance {
	slices.SortFunc(instances, func(a, b Instance) int {
		return strings.Compare(a.Host+" "+strconv.Itoa(a.Port), b.Host+" "+strconv.Itoa(b.Port))
	})
	return slices.Compact(instances)
}
