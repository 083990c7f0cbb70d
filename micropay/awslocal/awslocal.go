// Package awslocal makes what the services use of AWS in an emulator of it, such as moto: a user pool
// with its client, a topic with a queue for each service, a sender of mail. The real thing is made by
// the stack in infra/; this refuses to be run against it.
package awslocal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	ciptypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	sestypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// Names are the same as in the stack.
const (
	poolName  = "micropay-cognito"
	topicName = "micropay-sns"
	// MaxReceives is after how many tries an event is a dead letter.
	MaxReceives = 10
)

// Config says where, and what the services are told it is called.
type Config struct {
	AWS      aws.Config
	Endpoint string // of the emulator, as the services reach it
	Sender   string // an address that mail is sent from
	Dir      string // gets a file for each setting, named by its variable
}

// Validate refuses what may be Amazon's own.
func (c Config) Validate() error {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" {
		return errors.New("AWS_ENDPOINT_URL: is required, the address of an emulator of AWS")
	}
	if host := u.Hostname(); host == "aws" || strings.HasSuffix(host, "amazonaws.com") || strings.HasSuffix(host, "api.aws") {
		return errors.New("AWS_ENDPOINT_URL: is Amazon's own; infra/ makes the real thing")
	}
	return nil
}

// Make makes everything, any number of times, and writes the services' settings to the directory.
// It waits up to three minutes for the emulator, which may be starting on a busy machine.
func Make(ctx context.Context, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	settings := map[string]string{}
	for _, step := range []func(context.Context, map[string]string) error{c.pool, c.events, c.sender} {
		if err := patiently(ctx, func(ctx context.Context) error { return step(ctx, settings) }); err != nil {
			return fmt.Errorf("aws-local: %w", err)
		}
	}
	for name, value := range settings {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(value+"\n"), 0o644); err != nil { //nolint:gosec // secrets of an emulator, for the services, which are other users
			return err
		}
	}
	return nil
}

// patiently repeats what fails, for three minutes: the emulator may be starting.
func patiently(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		err := work(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// pool makes a user pool as docs/aws-cognito.md asks for it, or keeps the one made before.
func (c Config) pool(ctx context.Context, settings map[string]string) error {
	client := cip.NewFromConfig(c.AWS)
	if c.keptPool(ctx, client, settings) {
		return nil
	}
	made, err := client.CreateUserPool(ctx, &cip.CreateUserPoolInput{
		PoolName: aws.String(poolName), UsernameAttributes: []ciptypes.UsernameAttributeType{ciptypes.UsernameAttributeTypeEmail},
		UsernameConfiguration:  &ciptypes.UsernameConfigurationType{CaseSensitive: aws.Bool(false)},
		AutoVerifiedAttributes: []ciptypes.VerifiedAttributeType{ciptypes.VerifiedAttributeTypeEmail},
		Policies:               &ciptypes.UserPoolPolicyType{PasswordPolicy: &ciptypes.PasswordPolicyType{MinimumLength: aws.Int32(8)}},
	})
	if err != nil {
		return err
	}
	app, err := client.CreateUserPoolClient(ctx, &cip.CreateUserPoolClientInput{
		UserPoolId: made.UserPool.Id, ClientName: aws.String("micropay"), GenerateSecret: true, EnableTokenRevocation: aws.Bool(true),
		ExplicitAuthFlows: []ciptypes.ExplicitAuthFlowsType{
			ciptypes.ExplicitAuthFlowsTypeAllowAdminUserPasswordAuth, ciptypes.ExplicitAuthFlowsTypeAllowRefreshTokenAuth,
		},
		PreventUserExistenceErrors: ciptypes.PreventUserExistenceErrorTypesEnabled,
	})
	if err != nil {
		return err
	}
	c.tell(settings, aws.ToString(made.UserPool.Id), aws.ToString(app.UserPoolClient.ClientId), aws.ToString(app.UserPoolClient.ClientSecret))
	return nil
}

// keptPool tells whether the pool that the directory names is there; people are in it.
func (c Config) keptPool(ctx context.Context, client *cip.Client, settings map[string]string) bool {
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(c.Dir, name))
		return strings.TrimSpace(string(text))
	}
	pool, id := read("COGNITO_USER_POOL_ID"), read("COGNITO_CLIENT_ID")
	if pool == "" || id == "" {
		return false
	}
	if _, err := client.DescribeUserPoolClient(ctx, &cip.DescribeUserPoolClientInput{UserPoolId: &pool, ClientId: &id}); err != nil {
		return false
	}
	c.tell(settings, pool, id, read("COGNITO_CLIENT_SECRET"))
	return true
}

func (c Config) tell(settings map[string]string, pool, client, secret string) {
	settings["COGNITO_USER_POOL_ID"], settings["COGNITO_CLIENT_ID"], settings["COGNITO_CLIENT_SECRET"] = pool, client, secret
	settings["AUTH_ISSUER"] = "https://cognito-idp." + c.AWS.Region + ".amazonaws.com/" + pool
	settings["AUTH_JWKS_URL"] = strings.TrimSuffix(c.Endpoint, "/") + "/" + pool + "/.well-known/jwks.json"
}

// sender makes an identity of SES; an emulator takes every one for proven.
func (c Config) sender(ctx context.Context, _ map[string]string) error {
	_, err := sesv2.NewFromConfig(c.AWS).CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(c.Sender)})
	if exists := (*sestypes.AlreadyExistsException)(nil); errors.As(err, &exists) {
		return nil
	}
	return err
}
