// Package awsconfig reads what the AWS SDK is told by its usual variables and files: AWS_REGION,
// AWS_ENDPOINT_URL, credentials, the role of a pod.
package awsconfig

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Load reads the configuration. It calls nobody: credentials are looked for at the first call.
func Load(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return cfg, fmt.Errorf("AWS: %w", err)
	}
	if cfg.Region == "" {
		return cfg, errors.New("AWS_REGION: is required to use AWS")
	}
	return cfg, nil
}
