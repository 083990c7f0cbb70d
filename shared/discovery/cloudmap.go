package discovery

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// CloudMap finds the instances of namespace/service?port=8001 in AWS Cloud Map. An instance has
// its address in the attribute AWS_INSTANCE_IPV4, else AWS_INSTANCE_IPV6, and its port in
// AWS_INSTANCE_PORT, else that of the name. Without both it is passed over.
//
// Those are asked for that are healthy. If Cloud Map holds none for healthy, it tells all: one
// health check that is mistaken about all of them must not take the whole service away, and the
// balancer finds out by itself which of them answer. The right that is needed is
// servicediscovery:DiscoverInstances.
type CloudMap struct {
	// One call, not the client: all of its calls are in every program that can get at the type.
	discover func(context.Context, *servicediscovery.DiscoverInstancesInput, ...func(*servicediscovery.Options)) (*servicediscovery.DiscoverInstancesOutput, error)
}

// NewCloudMap asks the Cloud Map of cfg's region and account.
func NewCloudMap(cfg aws.Config) CloudMap {
	client := servicediscovery.NewFromConfig(cfg, func(o *servicediscovery.Options) {
		if o.BaseEndpoint != nil {
			o.APIOptions = append(o.APIOptions, asGiven)
		}
	})
	return CloudMap{client.DiscoverInstances}
}

// asGiven leaves an endpoint that somebody set as it is. The SDK would put "data-" before its host,
// which only AWS's public name has.
func asGiven(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("EndpointAsGiven",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
}

// mostInstances is as many as Cloud Map tells at once, and as many as a service may have there.
const mostInstances = 1000

// Instances implements Resolver.
func (c CloudMap) Instances(ctx context.Context, service string) ([]Instance, error) {
	namespace, name, port, err := splitCloudMap(service)
	if err != nil {
		return nil, err
	}
	answer, err := c.discover(ctx, &servicediscovery.DiscoverInstancesInput{
		NamespaceName: &namespace, ServiceName: &name, HealthStatus: types.HealthStatusFilterHealthyOrElseAll, MaxResults: aws.Int32(mostInstances),
	})
	if err != nil {
		return nil, fmt.Errorf("look up %s in %s: %w", name, namespace, err)
	}
	var instances []Instance
	for _, told := range answer.Instances {
		if i, ok := instanceOf(told.Attributes, port); ok {
			instances = append(instances, i)
		}
	}
	switch {
	case len(answer.Instances) == 0:
		return nil, fmt.Errorf("%w of %s in %s", ErrNoInstances, name, namespace)
	case len(instances) == 0:
		return nil, fmt.Errorf("%s in %s: no instance has AWS_INSTANCE_IPV4 and AWS_INSTANCE_PORT", name, namespace)
	}
	return distinct(instances), nil
}

func instanceOf(attributes map[string]string, port int) (Instance, bool) {
	host := attributes["AWS_INSTANCE_IPV4"]
	if host == "" {
		host = attributes["AWS_INSTANCE_IPV6"]
	}
	if registered := attributes["AWS_INSTANCE_PORT"]; registered != "" {
		port, _ = strconv.Atoi(registered) // 0 is none
	}
	return Instance{host, port}, host != "" && isPort(port)
}
