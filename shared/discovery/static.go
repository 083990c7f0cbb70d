package discovery

import (
	"context"
	"strings"
)

// Static is a list that does not change: the service's name is host:port, several of them
// separated by commas.
type Static struct{}

// Instances implements Resolver.
func (Static) Instances(_ context.Context, service string) (instances []Instance, err error) {
	for part := range strings.SplitSeq(service, ",") {
		i, err := parseInstance(part)
		if err != nil {
			return nil, err
		}
		instances = append(instances, i)
	}
	return instances, nil
}
