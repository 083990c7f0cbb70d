package auth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/micropay/micropay/auth/adapters/localidp"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/discovery"
	"github.com/micropay/micropay/shared/events/transport"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/resilience"
)

// leastSecret is the shortest service token that is taken, in characters.
const leastSecret = 16

// Config is all that can be set, by environment variables; every secret X may also be given as a
// file named by X_FILE. Times are Go durations ("15m").
type Config struct {
	Database config.Database
	HTTP     httpserver.Config

	// Local is one machine for trying out: issuer and mailbox have defaults, and /dev/mail shows the mail.
	Local bool `env:"LOCAL_MODE" envDefault:"false"`

	Issuer       string        `env:"AUTH_ISSUER"` // "iss" of tokens: this service's public address
	ClientID     string        `env:"AUTH_CLIENT_ID" envDefault:"micropay"`
	AccessTTL    time.Duration `env:"ACCESS_TTL" envDefault:"15m"`
	RefreshTTL   time.Duration `env:"REFRESH_TTL" envDefault:"720h"` // of a session; rotation does not lengthen it
	RefreshGrace time.Duration `env:"REFRESH_GRACE" envDefault:"0s"` // how long after its use a refresh token may come again
	TokenLeeway  time.Duration `env:"TOKEN_LEEWAY" envDefault:"30s"` // clocks may differ this much

	SigningKey       config.Secret `env:"SIGNING_KEY"`                            // PEM; instead of the keys in the database
	SigningKeyMaxAge time.Duration `env:"SIGNING_KEY_MAX_AGE" envDefault:"2160h"` // then it is rotated; 0: never
	SigningKeyLead   time.Duration `env:"SIGNING_KEY_LEAD" envDefault:"3h"`       // a new key is published this long before it signs

	PasswordMinLength    int    `env:"PASSWORD_MIN_LENGTH" envDefault:"15"` // characters, at least 8
	Argon2Memory         uint32 `env:"ARGON2_MEMORY_KIB" envDefault:"19456"`
	Argon2Iterations     uint32 `env:"ARGON2_ITERATIONS" envDefault:"2"`
	Argon2Parallelism    uint8  `env:"ARGON2_PARALLELISM" envDefault:"1"`
	PasswordHashesAtOnce int    `env:"PASSWORD_HASHES_AT_ONCE" envDefault:"0"` // 0: as many as processors

	LoginFreeAttempts        int           `env:"LOGIN_FREE_ATTEMPTS" envDefault:"5"`
	LoginFirstDelay          time.Duration `env:"LOGIN_FIRST_DELAY" envDefault:"1s"` // doubled with every further failure
	LoginLongestDelay        time.Duration `env:"LOGIN_LONGEST_DELAY" envDefault:"15m"`
	LoginForgetAfter         time.Duration `env:"LOGIN_FORGET_AFTER" envDefault:"24h"`
	LoginAddressFreeAttempts int           `env:"LOGIN_ADDRESS_FREE_ATTEMPTS" envDefault:"100"`
	LoginAddressForgetAfter  time.Duration `env:"LOGIN_ADDRESS_FORGET_AFTER" envDefault:"1h"`
	RequireVerifiedEmail     bool          `env:"REQUIRE_VERIFIED_EMAIL" envDefault:"false"`

	SESFrom             string        `env:"SES_FROM"` // given, mail is sent with Amazon SES, from this verified sender
	SESConfigurationSet string        `env:"SES_CONFIGURATION_SET"`
	SESFeedbackQueueURL string        `env:"SES_FEEDBACK_QUEUE_URL"`        // of SQS: bounces and complaints
	MailTimeout         time.Duration `env:"MAIL_TIMEOUT" envDefault:"10s"` // of one message, with all attempts at SES

	MailDir       string        `env:"MAIL_DIR"` // without SES_FROM, mail is written here as files
	MailEvery     time.Duration `env:"MAIL_POLL" envDefault:"1s"`
	MailsPerHour  int           `env:"MAILS_PER_HOUR" envDefault:"5"` // of one kind to one account
	VerifyCodeTTL time.Duration `env:"VERIFY_CODE_TTL" envDefault:"24h"`
	ResetCodeTTL  time.Duration `env:"RESET_CODE_TTL" envDefault:"1h"`

	InternalToken config.Secret `env:"INTERNAL_TOKEN"` // what services show each other
	// InternalTokenAlso is let in besides, while one token takes the other's place.
	InternalTokenAlso config.Secret `env:"INTERNAL_TOKEN_ALSO"`
	TransactionURL    string        `env:"TRANSACTION_URL"` // where the transaction service is, as discovery.Parse reads it

	TransactionClient    resilience.Settings `envPrefix:"TRANSACTION_CLIENT_"`
	TransactionInstances discovery.Settings  `envPrefix:"TRANSACTION_CLIENT_"`

	Events   transport.Config
	QueueURL string `env:"AUTH_QUEUE_URL"` // of SQS, behind the topic

	// A user pool makes Amazon Cognito the identity provider instead of the local one.
	AWSRegion           string        `env:"AWS_REGION"`           // the pool's own
	CognitoUserPoolID   string        `env:"COGNITO_USER_POOL_ID"` // "eu-central-1_..."
	CognitoClientID     string        `env:"COGNITO_CLIENT_ID"`
	CognitoClientSecret config.Secret `env:"COGNITO_CLIENT_SECRET"`                       // if the app client has one
	CognitoAutoConfirm  bool          `env:"COGNITO_AUTO_CONFIRM" envDefault:"false"`     // new addresses are taken for proven
	CognitoRotation     bool          `env:"COGNITO_REFRESH_ROTATION" envDefault:"false"` // the app client rotates refresh tokens
	CognitoTimeout      time.Duration `env:"COGNITO_TIMEOUT" envDefault:"5s"`             // of one call
	JWKSURL             string        `env:"AUTH_JWKS_URL"`                               // of Cognito's keys; default: the issuer's /.well-known/jwks.json
}

// What local mode takes for what is not set.
const (
	localIssuer  = "http://localhost:8000"
	localMailDir = ".micropay/mail"
)

// withDefaults fills in what depends on the mode.
func (c Config) withDefaults() Config {
	if c.UsesCognito() && c.Issuer == "" {
		c.Issuer = c.CognitoIssuer()
	}
	if c.Local && c.Issuer == "" {
		c.Issuer = localIssuer
	}
	if c.Local && c.MailDir == "" {
		c.MailDir = localMailDir
	}
	if c.PasswordHashesAtOnce == 0 {
		c.PasswordHashesAtOnce = runtime.GOMAXPROCS(0)
	}
	return c
}

// Validate reports every mistake by its variable, never a value.
func (c Config) Validate() error {
	given := c
	c = c.withDefaults()
	var errs []error
	mistake := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	c.validateCognito(mistake)
	mistake(!isWebAddress(c.Issuer) || strings.HasSuffix(c.Issuer, "/"), "AUTH_ISSUER: must be this service's public http(s) address, without a slash at its end")
	mistake(!c.Database.Configured(), "DATABASE_URL: is required, or RDS_HOST and what belongs to it")
	mistake(c.ClientID == "", "AUTH_CLIENT_ID: must not be empty")
	mistake(len(c.InternalToken) < leastSecret, "INTERNAL_TOKEN: must have at least %d characters", leastSecret)
	mistake(c.InternalTokenAlso != "" && len(c.InternalTokenAlso) < leastSecret, "INTERNAL_TOKEN_ALSO: must have at least %d characters", leastSecret)
	if err := c.Events.Validate("AUTH_QUEUE_URL", c.QueueURL); err != nil {
		errs = append(errs, err)
	}
	mistake(c.TokenLeeway < 0 || c.TokenLeeway > time.Minute, "TOKEN_LEEWAY: must be from 0 to 1m")
	mistake(c.AccessTTL < time.Second || c.AccessTTL > 24*time.Hour, "ACCESS_TTL: must be from 1s to 24h")
	mistake(c.RefreshTTL < c.AccessTTL, "REFRESH_TTL: must not be shorter than ACCESS_TTL")
	mistake(c.RefreshGrace < 0 || c.RefreshGrace > time.Minute, "REFRESH_GRACE: must be from 0 to 1m")
	mistake(c.SigningKeyMaxAge < 0 || c.SigningKeyLead < 0, "SIGNING_KEY_MAX_AGE and SIGNING_KEY_LEAD: must not be negative")
	mistake(c.PasswordMinLength < domain.LeastMinPasswordLength || c.PasswordMinLength > 64,
		"PASSWORD_MIN_LENGTH: must be from %d to 64", domain.LeastMinPasswordLength)
	mistake(c.Argon2Memory < 8*uint32(c.Argon2Parallelism) || c.Argon2Iterations < 1 || c.Argon2Parallelism < 1,
		"ARGON2_*: at least 1 iteration, 1 thread and 8 KiB for each thread")
	mistake(!c.Local && (c.Argon2Memory < 19*1024 || c.Argon2Iterations < 2), "ARGON2_*: outside local mode at least 19456 KiB and 2 iterations")
	mistake(c.PasswordHashesAtOnce < 1, "PASSWORD_HASHES_AT_ONCE: must not be negative")
	mistake(c.LoginFreeAttempts < 1 || c.LoginAddressFreeAttempts < 1, "LOGIN_FREE_ATTEMPTS and LOGIN_ADDRESS_FREE_ATTEMPTS: must be at least 1")
	mistake(c.LoginFirstDelay <= 0 || c.LoginLongestDelay < c.LoginFirstDelay, "LOGIN_LONGEST_DELAY: must not be shorter than LOGIN_FIRST_DELAY, which is longer than 0")
	mistake(c.LoginForgetAfter < c.LoginLongestDelay || c.LoginAddressForgetAfter < c.LoginLongestDelay,
		"LOGIN_FORGET_AFTER and LOGIN_ADDRESS_FORGET_AFTER: must not be shorter than LOGIN_LONGEST_DELAY")
	errs = append(errs, c.mailMistakes()...)
	if _, err := given.signingKey(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, c.transactionMistakes()...)...)
}

// transactionMistakes are those about how the transaction service is found and called.
func (c Config) transactionMistakes() (errs []error) {
	if _, err := discovery.Parse(c.TransactionURL); err != nil {
		errs = append(errs, fmt.Errorf("TRANSACTION_URL: %w", err))
	}
	const prefix = "TRANSACTION_CLIENT_"
	return slices.Concat(errs, c.TransactionClient.Mistakes(prefix), c.TransactionInstances.Mistakes(prefix))
}

func isWebAddress(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == ""
}

// signingKey is the RSA key given from outside, nil if there is none.
func (c Config) signingKey() (*rsa.PrivateKey, error) {
	if c.SigningKey == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	mistake := errors.New("SIGNING_KEY: must be an RSA private key of 2048 bits or more, PEM encoded")
	block, _ := pem.Decode([]byte(c.SigningKey.Reveal()))
	if block == nil {
		return nil, mistake
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil && key.N.BitLen() >= 2048 {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok || key.N.BitLen() < 2048 {
		return nil, mistake
	}
	return key, nil
}

// provider is what the local identity provider is told.
func (c Config) provider() (localidp.Options, error) {
	key, err := c.signingKey()
	if err != nil {
		return localidp.Options{}, err
	}
	throttle := func(free int, forget time.Duration) domain.Throttle {
		return domain.Throttle{Free: free, First: c.LoginFirstDelay, Longest: c.LoginLongestDelay, Forget: forget}
	}
	return localidp.Options{
		Issuer: c.Issuer, ClientID: c.ClientID, AccessTTL: c.AccessTTL, RefreshTTL: c.RefreshTTL, Leeway: c.TokenLeeway,
		Refresh:  domain.RefreshPolicy{Grace: c.RefreshGrace},
		Accounts: throttle(c.LoginFreeAttempts, c.LoginForgetAfter),
		Networks: throttle(c.LoginAddressFreeAttempts, c.LoginAddressForgetAfter),
		Argon2: argon2id.Params{
			Memory: c.Argon2Memory, Iterations: c.Argon2Iterations, Parallelism: c.Argon2Parallelism, SaltLength: 16, KeyLength: 32,
		},
		HashesAtMost: c.PasswordHashesAtOnce,
		VerifyTTL:    c.VerifyCodeTTL, ResetTTL: c.ResetCodeTTL, MailsHour: c.MailsPerHour, MailEvery: c.MailEvery,
		KeyMaxAge: c.SigningKeyMaxAge, KeyLead: c.SigningKeyLead, SigningKey: key,
	}, nil
}
