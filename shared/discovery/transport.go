package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/micropay/micropay/shared/resilience"
)

// Transport carries requests whose URLs begin with Base to the service. One host is gone to
// directly; else there is a Balancer, over a Cache of what the source says. Nobody is asked yet.
// Errors: AWS's configuration cannot be read or names no region.
func (a Address) Transport(ctx context.Context, o Options) (http.RoundTripper, error) {
	if a.one {
		if o.Base == nil {
			return resilience.NewTransport(), nil
		}
		return o.Base, nil
	}
	source, err := a.source(ctx, o)
	if err != nil {
		return nil, err
	}
	if a.scheme != schemeStatic {
		cache := &Cache{Source: source, TTL: o.TTL, Log: o.Log}
		cache.measure(o)
		source = cache
	}
	b := NewBalancer(source, a.service, o)
	b.ownHost = a.scheme == schemeStatic // which names each of them, perhaps before a proxy that cares
	return b, nil
}

func (a Address) source(ctx context.Context, o Options) (Resolver, error) {
	switch a.scheme {
	case schemeDNS:
		return DNS{o.Resolver}, nil
	case schemeSRV:
		return SRV{o.Resolver}, nil
	case schemeCloudMap:
		load := o.AWS
		if load == nil {
			load = func(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }
		}
		cfg, err := load(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("cloud map: %w", err)
		case cfg.Region == "":
			return nil, errors.New("AWS_REGION: is required to ask Cloud Map")
		}
		return NewCloudMap(cfg), nil
	}
	return Static{}, nil
}
