// Package cognito is Amazon Cognito as the identity provider: credentials, sessions and signing
// keys live in a user pool whose user names are e-mail addresses, so that Cognito's own name of
// a user is the "sub" of the tokens.
//
// What Cognito does not offer comes from the revocation feed. An access token is good until it
// expires whatever Cognito is told, so whatever ends a session is recorded there, before Cognito
// is asked to end it wherever that can be: after a crash in between, the feed refuses the access
// tokens, and Refresh the rest.
//
// Start at Provider; errors.go is the one table from Cognito's exceptions to what the port says.
package cognito

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/micropay/micropay/auth/ports"
)

// Options are the pool and the times of the provider. All fields are required unless said otherwise.
type Options struct {
	UserPoolID   string
	ClientID     string // of the app client
	ClientSecret string // optional, as the app client has one or not

	// AutoConfirm takes every new address for proven; no code is asked for.
	AutoConfirm bool
	// Rotation says that the app client has refresh token rotation switched on.
	Rotation bool

	Timeout time.Duration // of one call, its repetitions included
	// RefreshTTL is how long a refresh token of the app client lives: so long must the feed remember.
	RefreshTTL     time.Duration
	LongestBackoff time.Duration // optional: before a repetition; default 1 s

	// Wait returns after d, or with the error of ctx; optional, for tests.
	Wait func(ctx context.Context, d time.Duration) error
}

// Provider implements ports.IdentityProvider.
type Provider struct {
	client *cip.Client
	feed   ports.Revocations
	log    *slog.Logger
	now    func() time.Time
	opts   Options
	once   func(*cip.Options) // of a call that must not be repeated unless it was refused outright
}

// New makes a provider; it does not ask Cognito anything yet.
func New(cfg aws.Config, feed ports.Revocations, log *slog.Logger, now func() time.Time, o Options) *Provider {
	if o.LongestBackoff == 0 {
		o.LongestBackoff = time.Second
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	often, once := retryers(o.LongestBackoff)
	return &Provider{
		client: cip.NewFromConfig(cfg, func(c *cip.Options) { c.Retryer = often }),
		feed:   feed, log: log, now: now, opts: o,
		once: func(c *cip.Options) { c.Retryer = once },
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call makes one call within its time and turns what went wrong into what the port says.
func call[In, Out any](ctx context.Context, p *Provider, do func(context.Context, *In, ...func(*cip.Options)) (*Out, error), in *In, opts ...func(*cip.Options)) (*Out, error) {
	return callFor(ctx, p, "", do, in, opts...)
}

// callFor is call for an operation that has more than one purpose: errors.go tells them apart.
func callFor[In, Out any](ctx context.Context, p *Provider, purpose string, do func(context.Context, *In, ...func(*cip.Options)) (*Out, error), in *In, opts ...func(*cip.Options)) (*Out, error) {
	limited, cancel := context.WithTimeout(ctx, p.opts.Timeout)
	defer cancel()
	out, err := do(limited, in, opts...)
	if err != nil {
		return nil, p.judge(ctx, purpose, err)
	}
	return out, nil
}

// secretHash proves that a call for this user comes from the app client; nil where it has no secret.
// Source: Amazon Cognito Developer Guide, "Computing secret hash values".
func (p *Provider) secretHash(username string) *string {
	if p.opts.ClientSecret == "" {
		return nil
	}
	mac := hmac.New(sha256.New, []byte(p.opts.ClientSecret))
	mac.Write([]byte(username + p.opts.ClientID)) // a hash takes all that it is given
	return aws.String(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// secret is the app client's secret, nil if it has none.
func (p *Provider) secret() *string {
	if p.opts.ClientSecret == "" {
		return nil
	}
	return &p.opts.ClientSecret
}

// settled is a context for what must follow a deed at Cognito, whether or not the caller still waits.
func settled(ctx context.Context) (context.Context, context.CancelFunc) {
	const patience = 30 * time.Second
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}
