package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/micropay/micropay/auth/adapters/cognito"
	"github.com/micropay/micropay/auth/adapters/postgres"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/awsconfig"
	"github.com/micropay/micropay/shared/token"
)

// poolID is the form of a user pool's id, which begins with its region.
var poolID = regexp.MustCompile(`^([a-z]{2}[a-z0-9-]*-\d)_[0-9A-Za-z]+$`)

// UsesCognito tells whether identities live in a user pool.
func (c Config) UsesCognito() bool { return c.CognitoUserPoolID != "" }

// CognitoIssuer is the "iss" of the user pool's tokens.
func (c Config) CognitoIssuer() string {
	return "https://cognito-idp." + c.cognitoRegion() + ".amazonaws.com/" + c.CognitoUserPoolID
}

// cognitoRegion is the region of the user pool, "" if that has no good id.
func (c Config) cognitoRegion() string {
	if parts := poolID.FindStringSubmatch(c.CognitoUserPoolID); parts != nil {
		return parts[1]
	}
	return ""
}

// jwksURL is where the keys of a managed provider are.
func (c Config) jwksURL() string {
	if c.JWKSURL != "" {
		return c.JWKSURL
	}
	return c.Issuer + "/.well-known/jwks.json"
}

// validateCognito reports what is wrong with Cognito's settings.
func (c Config) validateCognito(mistake func(bad bool, format string, args ...any)) {
	mistake(c.JWKSURL != "" && !isWebAddress(c.JWKSURL), "AUTH_JWKS_URL: must be an http(s) address")
	if !c.UsesCognito() {
		mistake(c.CognitoClientID != "" || c.CognitoClientSecret != "", "COGNITO_USER_POOL_ID: is required with COGNITO_CLIENT_ID or COGNITO_CLIENT_SECRET")
		return
	}
	region := c.cognitoRegion()
	mistake(region == "", "COGNITO_USER_POOL_ID: must be a region, an underscore and the pool's name")
	mistake(c.AWSRegion != "" && region != "" && c.AWSRegion != region, "AWS_REGION: is not the region of COGNITO_USER_POOL_ID")
	mistake(c.CognitoClientID == "", "COGNITO_CLIENT_ID: is required with COGNITO_USER_POOL_ID")
	mistake(c.CognitoTimeout < 100*time.Millisecond || c.CognitoTimeout > time.Minute, "COGNITO_TIMEOUT: must be from 100ms to 1m")
}

// onlyLocal are the settings that mean nothing to Cognito, where the pool has its own.
var onlyLocal = []string{
	"ACCESS_TTL", "REFRESH_GRACE", "SIGNING_KEY", "SIGNING_KEY_MAX_AGE", "SIGNING_KEY_LEAD", "ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS",
	"ARGON2_PARALLELISM", "PASSWORD_HASHES_AT_ONCE", "LOGIN_FREE_ATTEMPTS", "LOGIN_FIRST_DELAY", "LOGIN_LONGEST_DELAY", "LOGIN_FORGET_AFTER",
	"LOGIN_ADDRESS_FREE_ATTEMPTS", "LOGIN_ADDRESS_FORGET_AFTER", "MAILS_PER_HOUR", "VERIFY_CODE_TTL", "RESET_CODE_TTL",
}

// ignored lists what was set and does nothing.
func (c Config) ignored() (names []string) {
	var defaults Config
	_ = env.ParseWithOptions(&defaults, env.Options{Environment: map[string]string{}}) // the defaults can be read
	given, usual := reflect.ValueOf(c), reflect.ValueOf(defaults)
	for i := range given.NumField() {
		name := given.Type().Field(i).Tag.Get("env")
		local := slices.Contains(onlyLocal, name) || name == "AUTH_CLIENT_ID" && c.ClientID != c.CognitoClientID
		if local && !reflect.DeepEqual(given.Field(i).Interface(), usual.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	return names
}

// cognitoIdentities wires Amazon Cognito. It asks it nothing yet but its keys.
func cognitoIdentities(ctx context.Context, cfg Config, deps Deps, feed *postgres.Revocations) (identities, error) {
	settings, err := awsconfig.Load(ctx, deps.AWS, cfg.cognitoRegion()) // the pool's id says in which
	if err != nil {
		return identities{}, err
	}
	jwks, err := token.NewJWKS(ctx, cfg.jwksURL(), token.LogTo(deps.Log))
	if err != nil {
		return identities{}, err
	}
	provider := cognito.New(settings, feed, deps.Log, deps.Now, cognito.Options{
		UserPoolID: cfg.CognitoUserPoolID, ClientID: cfg.CognitoClientID, ClientSecret: cfg.CognitoClientSecret.Reveal(),
		AutoConfirm: cfg.CognitoAutoConfirm, Rotation: cfg.CognitoRotation, Timeout: cfg.CognitoTimeout, RefreshTTL: cfg.RefreshTTL,
	})
	deps.Log.InfoContext(ctx, "identity provider chosen", "provider", "cognito", "why", "COGNITO_USER_POOL_ID",
		"pool", cfg.CognitoUserPoolID, "region", settings.Region, "issuer", cfg.Issuer, "auto_confirm", cfg.CognitoAutoConfirm)
	return identities{
		IdentityProvider: provider, keys: jwks, clientID: cfg.CognitoClientID,
		jwks: func(ctx context.Context) ([]byte, error) {
			set, err := jwks.Published(ctx)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
			}
			return set, nil
		},
		run: func(ctx context.Context) { keepFeed(ctx, feed, deps) },
		rotate: func(context.Context) error {
			return errors.New("the signing keys are Cognito's, which rotates them by itself")
		},
	}, nil
}

// keepFeed forgets revocations that are long over, until ctx ends.
func keepFeed(ctx context.Context, feed *postgres.Revocations, deps Deps) {
	const every, keep = 10 * time.Minute, 24 * time.Hour
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := feed.Forget(ctx, deps.Now().Add(-keep)); err != nil && ctx.Err() == nil {
			deps.Log.WarnContext(ctx, "housekeeping waits", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// warnOfIgnored tells the operator of settings that do nothing.
func warnOfIgnored(ctx context.Context, cfg Config, log *slog.Logger) {
	if names := cfg.ignored(); len(names) > 0 {
		log.WarnContext(ctx, "settings of the local identity provider do nothing with Cognito", "ignored", strings.Join(names, " "))
	}
}
