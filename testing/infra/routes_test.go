package infra_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/infra"
)

func TestTemplates_EveryRouteIsDescribedAndGuardedAsDescribed(t *testing.T) {
	t.Parallel()
	want, err := infra.DescribedRoutes("../../auth/adapters/rest/openapi.yaml", "../../transaction/adapters/rest/openapi.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, want)
	require.Equal(t, want, infra.GatewayRoutes(load(t)))
}

// What the gateway lets in without a token, named one by one, so that no document opens a route by itself.
func TestTemplates_OnlyTheseRoutesAskForNoToken(t *testing.T) {
	t.Parallel()
	var open []string
	for _, r := range infra.GatewayRoutes(load(t)) {
		if !r.JWT {
			open = append(open, r.Key)
		}
	}
	require.ElementsMatch(t, []string{
		"GET /.well-known/jwks.json", "GET /.well-known/openid-configuration", "POST /auth/register", "POST /auth/login", "POST /auth/refresh", "POST /auth/verify-email",
		"POST /auth/password/forgot", "POST /auth/password/reset", "POST /transaction/webhooks/{provider}",
	}, open)
}

func TestTemplates_TheGatewayThrottlesAndLogs(t *testing.T) {
	t.Parallel()
	for _, r := range infra.All(load(t), "AWS::ApiGatewayV2::Stage") {
		require.NotNil(t, property(r, "DefaultRouteSettings", "ThrottlingRateLimit"))
		require.NotNil(t, property(r, "DefaultRouteSettings", "ThrottlingBurstLimit"))
		require.NotNil(t, property(r, "AccessLogSettings", "DestinationArn"))
		guessed, _ := property(r, "RouteSettings").(map[string]any)
		for _, route := range []string{"POST /auth/login", "POST /auth/register", "POST /auth/password/reset", "POST /auth/password/forgot"} {
			require.Contains(t, guessed, route, "guessing is slowed")
		}
		format, _ := property(r, "AccessLogSettings", "Format").(string)
		require.True(t, json.Valid([]byte(format)))
		for _, never := range []string{"email", "authorization", "cookie", "username"} {
			require.NotContains(t, strings.ToLower(format), "."+never)
		}
	}
}
