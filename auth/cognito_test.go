package auth_test

import (
	"net/http"
	"testing"
	"time"

	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/testing/cognitosim"
	"github.com/micropay/micropay/testing/moto"
)

// onCognito is the service with a user pool of its own.
func onCognito(t *testing.T, more ...string) (*system, *cognitosim.Sim) {
	t.Helper()
	s, sim := prepare(t), cognitosim.New(t, cognitosim.Settings{})
	cfg, err := config.Load[auth.Config](append([]string{
		"DATABASE_URL=" + s.db.DSN, "LOCAL_MODE=true", "MAIL_DIR=" + t.TempDir(), "INTERNAL_TOKEN=" + internalToken, "TRANSACTION_URL=" + s.cfg.TransactionURL,
		"DATABASE_MAX_OPEN_CONNS=8", "COGNITO_USER_POOL_ID=" + cognitosim.PoolID, "COGNITO_CLIENT_ID=" + cognitosim.ClientID,
		"COGNITO_CLIENT_SECRET=" + cognitosim.ClientSecret, "COGNITO_AUTO_CONFIRM=true", "AUTH_ISSUER=" + sim.Issuer(),
	}, more...))
	require.NoError(t, err)
	aws := sim.AWSConfig()
	s.cfg, s.aws = cfg, &aws
	s.start()
	return s, sim
}

func TestCognito_AFirstDay(t *testing.T) {
	t.Parallel()
	s, sim := onCognito(t)
	s.run()
	a := s.register("Ann.Lee@Example.com")
	require.Equal(t, http.StatusCreated, a.Status, a.Raw)
	require.Equal(t, "true", a.text("user", "email_verified"))
	requireProblem(t, s.register("ann.lee@example.com"), http.StatusConflict, "email_taken")
	requireProblem(t, s.login("ann.lee@example.com", "wrong"), http.StatusUnauthorized, "invalid_credentials")
	a = s.login("ann.lee@example.com", password)
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	require.Equal(t, "3600", a.text("expires_in"), "as long as the app client says")
	access, refresh := a.text("access_token"), a.text("refresh_token")
	require.Equal(t, "Ann Lee", s.call("GET", "/auth/me", access, nil).text("user", "name"))

	a = s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh})
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	require.Equal(t, http.StatusNoContent, s.call("POST", "/auth/logout", access, nil).Status)
	for _, token := range []string{access, a.text("access_token")} {
		requireProblem(t, s.call("GET", "/auth/me", token, nil), http.StatusUnauthorized, "invalid_token")
	}
	requireProblem(t, s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh}), http.StatusUnauthorized, "invalid_refresh_token")

	a = s.login("ann.lee@example.com", password)
	access = a.text("access_token")
	a = s.call("POST", "/auth/password", access, fields{"current_password": password, "new_password": newPassword})
	require.Equal(t, http.StatusNoContent, a.Status, a.Raw)
	requireProblem(t, s.call("GET", "/auth/me", access, nil), http.StatusUnauthorized, "invalid_token")
	a = s.login("ann.lee@example.com", newPassword)
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	require.Equal(t, http.StatusNoContent, s.call("DELETE", "/auth/me", a.text("access_token"), nil).Status)
	_, found := sim.Lookup("ann.lee@example.com")
	require.False(t, found)
	var rows int
	require.NoError(t, s.db.Admin.Get(&rows, "SELECT (SELECT count(*) FROM auth.identity) + (SELECT count(*) FROM auth.session) + (SELECT count(*) FROM auth.signing_key)"))
	require.Zero(t, rows, "nothing of the local provider is used")
}

func TestCognito_ItsKeysArePublishedHereToo(t *testing.T) {
	t.Parallel()
	s, sim := onCognito(t)
	a := s.call("GET", "/.well-known/openid-configuration", "", nil)
	require.Equal(t, sim.Issuer(), a.text("issuer"))
	require.Equal(t, sim.JWKSURL(), a.text("jwks_uri"))
	sim.KeysDown(true)
	a = s.call("GET", "/.well-known/jwks.json", "", nil)
	require.Equal(t, http.StatusOK, a.Status, "as they were last fetched")
	require.Contains(t, a.Raw, `"RS256"`)
	access, _ := s.person("ann@example.com")
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/me", access, nil).Status)
	s.start() // a replica that never saw them
	requireProblem(t, s.call("GET", "/.well-known/jwks.json", "", nil), http.StatusServiceUnavailable, "unavailable")
	requireProblem(t, s.call("GET", "/auth/me", access, nil), http.StatusServiceUnavailable, "unavailable")
}

func TestCognito_TheStartSaysWhatWasChosenAndWhatDoesNothing(t *testing.T) {
	t.Parallel()
	s, _ := onCognito(t, "ARGON2_MEMORY_KIB=65536", "LOGIN_FREE_ATTEMPTS=5", "AUTH_CLIENT_ID=other")
	logs := s.logs.String()
	require.Contains(t, logs, `"provider":"cognito"`)
	require.Contains(t, logs, cognitosim.PoolID)
	require.Contains(t, logs, `"ignored":"AUTH_CLIENT_ID ARGON2_MEMORY_KIB"`, "what has its default is not worth a word")
	require.NotContains(t, logs, cognitosim.ClientSecret)
	require.ErrorContains(t, s.RotateSigningKey(t.Context()), "Cognito")
}

func TestCognito_AnOutageIsOne(t *testing.T) {
	t.Parallel()
	s, sim := onCognito(t)
	access, _ := s.person("ann@example.com")
	sim.Always("AdminInitiateAuth", cognitosim.Fault{Refused: true})
	requireProblem(t, s.login("ann@example.com", password), http.StatusServiceUnavailable, "unavailable")
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/me", access, nil).Status, "who is in stays in")
	s.clock.advance(2 * time.Hour)
	requireProblem(t, s.call("GET", "/auth/me", access, nil), http.StatusUnauthorized, "invalid_token")
}

func TestCognito_TheDiscoveryNamesNoTokenEndpointOfThePool(t *testing.T) {
	t.Parallel()
	s, _ := onCognito(t)
	require.NotContains(t, s.call("GET", "/.well-known/openid-configuration", "", nil).Body, "token_endpoint", "it has none that people use")
	require.Contains(t, setup(t).call("GET", "/.well-known/openid-configuration", "", nil).Body, "token_endpoint")
}

// TestCognito_OnMoto has another maker's tokens and keys pass through our verifier.
func TestCognito_OnMoto(t *testing.T) {
	t.Parallel()
	server := moto.New(t)
	aws := server.AWSConfig()
	client := cip.NewFromConfig(aws)
	pool, err := client.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{
		PoolName: new("auth"), UsernameAttributes: []types.UsernameAttributeType{types.UsernameAttributeTypeEmail},
	})
	require.NoError(t, err)
	app, err := client.CreateUserPoolClient(t.Context(), &cip.CreateUserPoolClientInput{UserPoolId: pool.UserPool.Id, ClientName: new("auth"), GenerateSecret: true})
	require.NoError(t, err)
	s := prepare(t)
	s.cfg, err = config.Load[auth.Config]([]string{
		"DATABASE_URL=" + s.db.DSN, "LOCAL_MODE=true", "MAIL_DIR=" + t.TempDir(), "INTERNAL_TOKEN=" + internalToken, "TRANSACTION_URL=" + s.cfg.TransactionURL,
		"COGNITO_USER_POOL_ID=" + *pool.UserPool.Id, "COGNITO_CLIENT_ID=" + *app.UserPoolClient.ClientId,
		"COGNITO_CLIENT_SECRET=" + *app.UserPoolClient.ClientSecret, "COGNITO_AUTO_CONFIRM=true",
		"AUTH_JWKS_URL=" + server.URL + "/" + *pool.UserPool.Id + "/.well-known/jwks.json",
	})
	require.NoError(t, err)
	s.aws = &aws
	s.start()
	const strict = "A River of c0ld tea!" // by moto's rules
	a := s.call("POST", "/auth/register", "", fields{"email": "ann@example.com", "password": strict, "name": "Ann"})
	require.Equal(t, http.StatusCreated, a.Status, a.Raw)
	a = s.login("ann@example.com", strict)
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	access := a.text("access_token")
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/me", access, nil).Status)
	require.Equal(t, http.StatusOK, s.call("POST", "/auth/refresh", "", fields{"refresh_token": a.text("refresh_token")}).Status)
	require.Equal(t, http.StatusNoContent, s.call("POST", "/auth/logout", access, fields{"everywhere": true}).Status)
	requireProblem(t, s.call("GET", "/auth/me", access, nil), http.StatusUnauthorized, "invalid_token")
}
