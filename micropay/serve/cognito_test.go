package serve_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/testing/cognitosim"
)

// TestPlatform_OnCognito_BothServicesKnowItsTokens sets what the SDK of AWS reads by itself, so it
// runs alone.
func TestPlatform_OnCognito_BothServicesKnowItsTokens(t *testing.T) {
	sim := cognitosim.New(t, cognitosim.Settings{})
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": sim.URL(), "AWS_ACCESS_KEY_ID": "access-key-for-tests", "AWS_SECRET_ACCESS_KEY": "secret-for-tests",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	} {
		t.Setenv(name, value)
	}
	p := start(t, t.TempDir(), "AUTH_ISSUER="+sim.Issuer(), "COGNITO_USER_POOL_ID="+cognitosim.PoolID, "COGNITO_CLIENT_ID="+cognitosim.ClientID,
		"COGNITO_CLIENT_SECRET="+cognitosim.ClientSecret, "COGNITO_AUTO_CONFIRM=true")
	const password = "a river of cold tea"
	call(t, http.StatusCreated, p.URL+"/auth/register", "", map[string]any{"email": "ann@example.com", "password": password, "name": "Ann"})
	tokens := call(t, http.StatusOK, p.URL+"/auth/login", "", map[string]any{"email": "ann@example.com", "password": password})
	access, _ := tokens["access_token"].(string)
	wallets := call(t, http.StatusOK, p.URL+"/transaction/wallets", access, nil)
	require.Len(t, wallets["data"], 1)
	call(t, http.StatusNoContent, p.URL+"/auth/logout", access, map[string]any{})
	require.Eventually(t, func() bool {
		return statusAs(t, http.MethodGet, p.URL+"/transaction/wallets", access) == http.StatusUnauthorized
	}, patience, tick)
}

const (
	patience = 5 * time.Second
	tick     = 20 * time.Millisecond
)

func statusAs(t *testing.T, method, url, access string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+access)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

func TestLoad_OnCognito_TheIssuerIsThePools(t *testing.T) {
	t.Parallel()
	c, err := serve.Load([]string{"COGNITO_USER_POOL_ID=eu-central-1_abc", "COGNITO_CLIENT_ID=client"})
	require.NoError(t, err)
	require.Equal(t, "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc", c.Auth.Issuer)
	require.Equal(t, c.Auth.Issuer, c.Transaction.Issuer)
	require.Equal(t, []string{"client"}, c.Transaction.ClientIDs)
}
