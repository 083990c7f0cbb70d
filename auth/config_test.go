package auth_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/config"
)

func environment(more ...string) []string {
	return append([]string{
		"DATABASE_URL=postgres://u:p@127.0.0.1:1/x", "AUTH_ISSUER=https://pay.example", "INTERNAL_TOKEN=0123456789abcdef",
		"TRANSACTION_URL=http://transaction:8001", "MAIL_DIR=/var/mail/micropay",
	}, more...)
}

func TestConfig_DefaultsAreSafe(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load[auth.Config](environment())
	require.NoError(t, err)
	require.Equal(t, 15, cfg.PasswordMinLength)
	require.Zero(t, cfg.RefreshGrace)
	require.EqualValues(t, 19456, cfg.Argon2Memory)
	require.False(t, cfg.Local)
}

func TestConfig_ReportsEveryMistakeAtOnceAndNoValue(t *testing.T) {
	t.Parallel()
	_, err := config.Load[auth.Config]([]string{
		"AUTH_ISSUER=ftp://x", "INTERNAL_TOKEN=tiny-canary", "INTERNAL_TOKEN_ALSO=tiny-canary", "ACCESS_TTL=0s", "REFRESH_GRACE=2m", "TOKEN_LEEWAY=2m", "PASSWORD_MIN_LENGTH=7",
		"ARGON2_MEMORY_KIB=64", "LOGIN_FREE_ATTEMPTS=0", "LOGIN_LONGEST_DELAY=1ms", "LOGIN_FORGET_AFTER=1us", "MAILS_PER_HOUR=0", "MAIL_POLL=0s",
		"SIGNING_KEY=key-canary", "SIGNING_KEY_LEAD=-1s", "PASSWORD_HASHES_AT_ONCE=-1", "ARGON2_ITERATIONS=0", "REFRESH_TTL=-1s",
	})
	require.Error(t, err)
	for _, name := range []string{
		"AUTH_ISSUER", "INTERNAL_TOKEN", "INTERNAL_TOKEN_ALSO", "ACCESS_TTL", "REFRESH_GRACE", "TOKEN_LEEWAY", "PASSWORD_MIN_LENGTH", "ARGON2_", "LOGIN_FREE_ATTEMPTS",
		"LOGIN_LONGEST_DELAY", "LOGIN_FORGET_AFTER", "MAILS_PER_HOUR", "MAIL_POLL", "SIGNING_KEY", "SIGNING_KEY_LEAD", "PASSWORD_HASHES_AT_ONCE",
		"REFRESH_TTL", "TRANSACTION_URL", "MAIL_DIR",
	} {
		require.ErrorContains(t, err, name)
	}
	require.NotContains(t, err.Error(), "canary")
}

func TestConfig_CognitoIsChosenByItsPool(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load[auth.Config]([]string{
		"DATABASE_URL=postgres://u:p@127.0.0.1:1/x", "INTERNAL_TOKEN=0123456789abcdef", "TRANSACTION_URL=http://transaction:8001",
		"COGNITO_USER_POOL_ID=eu-central-1_abc123", "COGNITO_CLIENT_ID=client", "AWS_REGION=eu-central-1",
		"MAIL_DIR=mail",
	})
	require.NoError(t, err, "the issuer is Cognito's")
	require.True(t, cfg.UsesCognito())
	require.Equal(t, "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc123", cfg.CognitoIssuer())
	require.Equal(t, 5*time.Second, cfg.CognitoTimeout)
	require.False(t, cfg.CognitoAutoConfirm)
	cfg, err = config.Load[auth.Config](environment())
	require.NoError(t, err)
	require.False(t, cfg.UsesCognito())
}

func TestConfig_CognitosMistakesAreTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given []string
		want  string
	}{
		"a client without a pool":       {[]string{"COGNITO_CLIENT_ID=canary"}, "COGNITO_USER_POOL_ID"},
		"a secret without a pool":       {[]string{"COGNITO_CLIENT_SECRET=canary"}, "COGNITO_USER_POOL_ID"},
		"a pool without a client":       {[]string{"COGNITO_USER_POOL_ID=eu-central-1_canary"}, "COGNITO_CLIENT_ID"},
		"what is no pool":               {[]string{"COGNITO_USER_POOL_ID=canary", "COGNITO_CLIENT_ID=x"}, "COGNITO_USER_POOL_ID"},
		"what would be another address": {[]string{"COGNITO_USER_POOL_ID=evil.example/eu_canary", "COGNITO_CLIENT_ID=x"}, "COGNITO_USER_POOL_ID"},
		"a pool of another region":      {[]string{"COGNITO_USER_POOL_ID=eu-central-1_canary", "COGNITO_CLIENT_ID=x", "AWS_REGION=us-east-1"}, "AWS_REGION"},
		"no time to wait":               {[]string{"COGNITO_USER_POOL_ID=eu-central-1_canary", "COGNITO_CLIENT_ID=x", "COGNITO_TIMEOUT=1ms"}, "COGNITO_TIMEOUT"},
		"keys at no address":            {[]string{"AUTH_JWKS_URL=ftp://canary"}, "AUTH_JWKS_URL"},
	} {
		_, err := config.Load[auth.Config](environment(c.given...))
		require.ErrorContains(t, err, c.want, name)
		require.NotContains(t, err.Error(), "canary", name)
	}
}

func TestConfig_SESNeedsASenderARegionAndTime(t *testing.T) {
	t.Parallel()
	without := slices.DeleteFunc(environment(), func(v string) bool { return strings.HasPrefix(v, "MAIL_DIR=") })
	cfg, err := config.Load[auth.Config](append(without, "SES_FROM=MicroPay <no-reply@pay.example>", "AWS_REGION=eu-west-1"))
	require.NoError(t, err, "no folder is needed")
	require.Equal(t, 10*time.Second, cfg.MailTimeout)
	for mistake, names := range map[string]string{
		"SES_FROM=canary":                 "SES_FROM",
		"SES_CONFIGURATION_SET=canary +1": "SES_CONFIGURATION_SET",
		"MAIL_TIMEOUT=0s":                 "MAIL_TIMEOUT",
		"MAIL_TIMEOUT=1m":                 "MAIL_TIMEOUT", // as long as nobody else takes the mail
		"VERIFY_CODE_TTL=10ms":            "VERIFY_CODE_TTL",
	} {
		_, err := config.Load[auth.Config](append(without, "SES_FROM=no-reply@pay.example", "AWS_REGION=eu-west-1", mistake))
		require.ErrorContains(t, err, names)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err = config.Load[auth.Config](append(without, "SES_FROM=no-reply@pay.example"))
	require.ErrorContains(t, err, "AWS_REGION")
	_, err = config.Load[auth.Config](environment("SES_CONFIGURATION_SET=letters"))
	require.ErrorContains(t, err, "SES_CONFIGURATION_SET", "nothing falls back silently")
	_, err = config.Load[auth.Config](without)
	require.ErrorContains(t, err, "MAIL_DIR")
	require.ErrorContains(t, err, "SES_FROM")
}

func TestConfig_TheSigningKeyMayBeAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(file, []byte(signingKeyPEM(t).Reveal()), 0o600))
	_, err := config.Load[auth.Config](environment("SIGNING_KEY_FILE=" + file))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(signingKeyPEM(t).Reveal(), "MII", "AAA", 1)), 0o600))
	_, err = config.Load[auth.Config](environment("SIGNING_KEY_FILE=" + file))
	require.ErrorContains(t, err, "SIGNING_KEY")
}

func TestConfig_LocalModeHasDefaults(t *testing.T) {
	t.Parallel()
	_, err := config.Load[auth.Config]([]string{
		"LOCAL_MODE=true", "DATABASE_URL=postgres://u:p@127.0.0.1:1/x", "INTERNAL_TOKEN=0123456789abcdef", "TRANSACTION_URL=http://127.0.0.1:8001",
	})
	require.NoError(t, err)
}
