package awsconfig_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/awsconfig"
)

func TestLoad_NeedsARegionAndTakesTheUsualVariables(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	_, err := awsconfig.Load(t.Context())
	require.ErrorContains(t, err, "AWS_REGION")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ENDPOINT_URL", "http://localhost:5000")
	cfg, err := awsconfig.Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, "eu-west-1", cfg.Region)
	require.Equal(t, "http://localhost:5000", *cfg.BaseEndpoint)
	t.Setenv("AWS_PROFILE", "one that is not there")
	_, err = awsconfig.Load(t.Context())
	require.ErrorContains(t, err, "AWS")
}
