package auth_test

import (
	"log/slog"
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
		"AUTH_ISSUER=ftp://x", "INTERNAL_TOKEN=tiny-canary", "ACCESS_TTL=0s", "REFRESH_GRACE=2m", "TOKEN_LEEWAY=2m", "PASSWORD_MIN_LENGTH=7",
		"ARGON2_MEMORY_KIB=64", "LOGIN_FREE_ATTEMPTS=0", "LOGIN_LONGEST_DELAY=1ms", "LOGIN_FORGET_AFTER=1us", "MAILS_PER_HOUR=0", "MAIL_POLL=0s",
		"SIGNING_KEY=key-canary", "SIGNING_KEY_LEAD=-1s", "PASSWORD_HASHES_AT_ONCE=-1", "ARGON2_ITERATIONS=0", "REFRESH_TTL=-1s",
	})
	require.Error(t, err)
	for _, name := range []string{
		"AUTH_ISSUER", "INTERNAL_TOKEN", "ACCESS_TTL", "REFRESH_GRACE", "TOKEN_LEEWAY", "PASSWORD_MIN_LENGTH", "ARGON2_", "LOGIN_FREE_ATTEMPTS",
		"LOGIN_LONGEST_DELAY", "LOGIN_FORGET_AFTER", "MAILS_PER_HOUR", "MAIL_POLL", "SIGNING_KEY", "SIGNING_KEY_LEAD", "PASSWORD_HASHES_AT_ONCE",
		"REFRESH_TTL", "TRANSACTION_URL", "MAIL_DIR",
	} {
		require.ErrorContains(t, err, name)
	}
	require.NotContains(t, err.Error(), "canary")
}

func TestConfig_CognitoWithoutAnAdapterRefusesToStart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"COGNITO_USER_POOL_ID", "COGNITO_CLIENT_ID", "COGNITO_CLIENT_SECRET"} {
		_, err := config.Load[auth.Config](environment(name + "=x"))
		require.ErrorContains(t, err, "no Cognito adapter", "nothing falls back silently")
	}
	cfg, err := config.Load[auth.Config](environment())
	require.NoError(t, err)
	cfg.CognitoUserPoolID = "pool"
	_, err = auth.New(t.Context(), cfg, auth.Deps{Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "COGNITO_USER_POOL_ID")
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
