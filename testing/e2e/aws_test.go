package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/moto"
)

// pool makes a user pool whose users' addresses are taken for proven.
func pool(t *testing.T, cfg aws.Config) (id, client, secret string) {
	t.Helper()
	cognito := cip.NewFromConfig(cfg)
	made, err := cognito.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{
		PoolName: aws.String("micropay"), UsernameAttributes: []types.UsernameAttributeType{types.UsernameAttributeTypeEmail},
	})
	require.NoError(t, err)
	app, err := cognito.CreateUserPoolClient(t.Context(), &cip.CreateUserPoolClientInput{
		UserPoolId: made.UserPool.Id, ClientName: aws.String("micropay"), GenerateSecret: true,
		ExplicitAuthFlows: []types.ExplicitAuthFlowsType{types.ExplicitAuthFlowsTypeAllowAdminUserPasswordAuth, types.ExplicitAuthFlowsTypeAllowRefreshTokenAuth},
	})
	require.NoError(t, err)
	return *made.UserPool.Id, *app.UserPoolClient.ClientId, *app.UserPoolClient.ClientSecret
}

// sent lists what moto accepted from a sender to somebody.
func sent(t *testing.T, server *moto.Server, sender, to, subject string) (bodies []string) {
	t.Helper()
	resp, err := http.Get(server.URL + "/moto-api/data.json")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var data struct {
		SES map[string][]struct {
			Source, Subject, Body string
			Destinations          map[string][]string
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&data))
	for _, m := range data.SES["Message"] {
		if strings.Contains(m.Source, sender) && m.Subject == subject && len(m.Destinations["ToAddresses"]) == 1 && m.Destinations["ToAddresses"][0] == to {
			bodies = append(bodies, m.Body)
		}
	}
	return bodies
}

func TestTwoProcesses_OnMoto(t *testing.T) {
	t.Parallel()
	server, sender := moto.New(t), uuid.NewString()+"@pay.example"
	cfg := server.AWSConfig()
	poolID, client, secret := pool(t, cfg)
	names := queues.Provision(t, cfg, false, "auth", "transaction")
	_, err := sesv2.NewFromConfig(cfg).CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(sender)})
	require.NoError(t, err)
	p := &pair{t: t, password: "A river of c0ld tea!"} // the pool's own rules
	p.mail = func(to, subject string) []string { return sent(t, server, sender, to, subject) }
	p.start([]string{
		"AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=" + moto.Region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"SNS_TOPIC_ARN=" + names.Topic, "AUTH_ISSUER=https://cognito-idp." + moto.Region + ".amazonaws.com/" + poolID,
		"AUTH_JWKS_URL=" + server.URL + "/" + poolID + "/.well-known/jwks.json",
	}, []string{
		"AUTH_QUEUE_URL=" + names.Queues["auth"], "COGNITO_USER_POOL_ID=" + poolID, "COGNITO_CLIENT_ID=" + client, "COGNITO_CLIENT_SECRET=" + secret,
		"COGNITO_AUTO_CONFIRM=true", "SES_FROM=" + sender,
	}, []string{"TRANSACTION_QUEUE_URL=" + names.Queues["transaction"], "AUTH_CLIENT_ID=" + client})
	p.story()
}
