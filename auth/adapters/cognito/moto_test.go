package cognito_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/cognito"
	"github.com/micropay/micropay/testing/contract/authports"
	"github.com/micropay/micropay/testing/moto"
)

// TestProvider_KeepsTheContractOnMoto runs the suite with another maker's Cognito. Its mailed codes
// cannot be read, and it takes any code: what follows from one is shown by the stand-in alone.
func TestProvider_KeepsTheContractOnMoto(t *testing.T) {
	t.Parallel()
	server := moto.New(t)
	authports.Identities(t, func(t *testing.T) authports.IdentityProvider {
		cfg := server.AWSConfig()
		fixed := &corrected{plain: cip.NewFromConfig(cfg)}
		cfg.HTTPClient = fixed
		o := pool(t, cip.NewFromConfig(cfg))
		fixed.pool = o.UserPoolID
		revocations := &feed{}
		return authports.IdentityProvider{
			IdentityProvider: cognito.New(cfg, revocations, slog.New(slog.DiscardHandler), time.Now, o),
			Revocations:      revocations, Bearer: bearer, Proof: authports.ProvenAtOnce,
		}
	})
}

// pool makes a user pool as docs/aws-cognito.md asks for it.
func pool(t *testing.T, client *cip.Client) cognito.Options {
	t.Helper()
	made, err := client.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{
		PoolName: aws.String(t.Name()), UsernameAttributes: []types.UsernameAttributeType{types.UsernameAttributeTypeEmail},
		AutoVerifiedAttributes: []types.VerifiedAttributeType{types.VerifiedAttributeTypeEmail},
		Policies:               &types.UserPoolPolicyType{PasswordPolicy: &types.PasswordPolicyType{MinimumLength: aws.Int32(8)}},
	})
	require.NoError(t, err)
	app, err := client.CreateUserPoolClient(t.Context(), &cip.CreateUserPoolClientInput{
		UserPoolId: made.UserPool.Id, ClientName: aws.String("micropay"), GenerateSecret: true,
		ExplicitAuthFlows: []types.ExplicitAuthFlowsType{
			types.ExplicitAuthFlowsTypeAllowAdminUserPasswordAuth, types.ExplicitAuthFlowsTypeAllowRefreshTokenAuth,
		},
	})
	require.NoError(t, err)
	o := options()
	o.UserPoolID, o.ClientID, o.ClientSecret = *made.UserPool.Id, *app.UserPoolClient.ClientId, *app.UserPoolClient.ClientSecret
	return o
}

// corrected puts right what moto does otherwise than Cognito.
type corrected struct {
	plain  *cip.Client
	pool   string
	signUp sync.Mutex
}

// Do sends one request.
func (c *corrected) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch operation {
	case "CreateUserPool": // what is left out it takes for demanded, and the SDK leaves out what is false
		if err := rewrite(r, func(body string) string {
			return strings.Replace(body, `"MinimumLength"`,
				`"RequireUppercase":false,"RequireLowercase":false,"RequireNumbers":false,"RequireSymbols":false,"MinimumLength"`, 1)
		}); err != nil {
			return nil, err
		}
	case "RevokeToken": // it does not know it
		return answer(r, http.StatusOK, `{}`), nil
	case "SignUp": // two at once get one address
		c.signUp.Lock()
		defer c.signUp.Unlock()
	case "AdminUserGlobalSignOut": // it ends what was begun under this very spelling of the user only
		if err := rewrite(r, func(body string) string { return c.byAddress(r.Context(), body) }); err != nil {
			return nil, err
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err == nil && operation == "AdminInitiateAuth" && response.StatusCode == http.StatusInternalServerError {
		_ = response.Body.Close() // it crashes at a refresh token of nobody
		return answer(r, http.StatusBadRequest, `{"__type":"NotAuthorizedException","message":"Invalid Refresh Token"}`), nil
	}
	return response, err
}

func rewrite(r *http.Request, change func(string) string) error {
	body, err := io.ReadAll(r.Body)
	changed := change(string(body))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
	return err
}

// byAddress puts the address for the sub.
func (c *corrected) byAddress(ctx context.Context, body string) string {
	var in struct{ Username string }
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		return body
	}
	user, err := c.plain.AdminGetUser(ctx, &cip.AdminGetUserInput{UserPoolId: &c.pool, Username: &in.Username})
	if err != nil {
		return body
	}
	for _, a := range user.UserAttributes {
		if *a.Name == "email" {
			body = strings.Replace(body, in.Username, *a.Value, 1)
		}
	}
	return body
}

func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
	}
}
