package transaction

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/discovery"
	"github.com/micropay/micropay/shared/events/transport"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/shared/resilience"
	"github.com/micropay/micropay/transaction/domain"
)

// leastSecret is the shortest service token that is taken, in characters.
const leastSecret = 16

// Config is all that can be set, by environment variables; every secret X may also be given as a
// file named by X_FILE. Times are Go durations ("15m").
type Config struct {
	Database config.Database
	HTTP     httpserver.Config

	Issuer      string        `env:"AUTH_ISSUER"`                          // "iss" of tokens
	ClientIDs   []string      `env:"AUTH_CLIENT_ID" envDefault:"micropay"` // "client_id" of tokens, separated by commas
	JWKSURL     string        `env:"AUTH_JWKS_URL"`                        // default: the issuer's /.well-known/jwks.json
	TokenLeeway time.Duration `env:"TOKEN_LEEWAY" envDefault:"30s"`        // clocks may differ this much
	RevokedPoll time.Duration `env:"REVOCATION_POLL" envDefault:"250ms"`   // how often auth is asked who logged out

	AuthURL       string        `env:"AUTH_URL"`       // where the auth service is, as discovery.Parse reads it
	InternalToken config.Secret `env:"INTERNAL_TOKEN"` // what services show each other
	// InternalTokenAlso is let in besides, while one token takes the other's place.
	InternalTokenAlso config.Secret `env:"INTERNAL_TOKEN_ALSO"`

	AuthClient    resilience.Settings `envPrefix:"AUTH_CLIENT_"`
	AuthInstances discovery.Settings  `envPrefix:"AUTH_CLIENT_"`

	DefaultCurrency string `env:"DEFAULT_CURRENCY" envDefault:"USD"` // of the wallet everybody has
	WalletLimit     int    `env:"WALLET_LIMIT" envDefault:"100"`     // open wallets a person may have

	GroupSize    int           `env:"LEDGER_GROUP_SIZE" envDefault:"256"`   // postings committed together at most
	GroupTimeout time.Duration `env:"LEDGER_GROUP_TIMEOUT" envDefault:"8s"` // of one group's commit

	PaymentPatience   time.Duration `env:"PAYMENT_PATIENCE" envDefault:"10s"`    // a new payment, whose request may still be running, is left alone this long
	PaymentLookAfter  time.Duration `env:"PAYMENT_LOOK_AFTER" envDefault:"3s"`   // the least between two questions about an open payment
	PaymentLookWithin time.Duration `env:"PAYMENT_LOOK_WITHIN" envDefault:"30s"` // the most; ten times that while its payer has to act
	PaymentTTL        time.Duration `env:"PAYMENT_TTL" envDefault:"24h"`         // a top-up whose payer does nothing is given up
	PaymentLease      time.Duration `env:"PAYMENT_LEASE" envDefault:"30s"`       // a payment that one replica asks about is left alone by the others
	ReconcileEvery    time.Duration `env:"RECONCILE_INTERVAL" envDefault:"2s"`   // how often payments that are due are looked for
	HoldTTL           time.Duration `env:"HOLD_TTL" envDefault:"168h"`           // money held for a transfer is let go after this

	Sandbox     bool     `env:"PAYMENT_SANDBOX"` // a provider that takes every payment, for trying things out
	Stripe      Stripe   `envPrefix:"STRIPE_"`
	PayPal      PayPal   `envPrefix:"PAYPAL_"`
	PSP         PSP      `envPrefix:"PSP_"`
	PaymentFees []string `env:"PAYMENT_FEES"` // provider:kind:currency:fixed:basispoints, separated by commas

	IdempotencyTTL time.Duration `env:"IDEMPOTENCY_TTL" envDefault:"72h"` // keys are kept this long, at least 24h

	Events    transport.Config
	AWSRegion string `env:"AWS_REGION"`            // default: as the SDK finds it
	QueueURL  string `env:"TRANSACTION_QUEUE_URL"` // of SQS, behind the topic
}

// Stripe is used when its key is given.
type Stripe struct {
	Key           config.Secret `env:"KEY"`            // secret or restricted API key
	WebhookSecret config.Secret `env:"WEBHOOK_SECRET"` // of the endpoint /transaction/webhooks/stripe
	URL           string        `env:"URL" envDefault:"https://api.stripe.com"`
}

// PayPal is used when its client id is given.
type PayPal struct {
	ClientID  string        `env:"CLIENT_ID"`
	Secret    config.Secret `env:"SECRET"`
	WebhookID string        `env:"WEBHOOK_ID"` // of the webhook /transaction/webhooks/paypal
	URL       string        `env:"URL" envDefault:"https://api-m.paypal.com"`
	ReturnURL string        `env:"RETURN_URL"` // where a payer comes back to
	CancelURL string        `env:"CANCEL_URL"` // where one who gave up comes back to
}

// PSP bounds the calls to each payment provider. The breaker's words are resilience4j's.
type PSP struct {
	Timeout      time.Duration `env:"TIMEOUT" envDefault:"5s"`
	MaxInFlight  int           `env:"MAX_IN_FLIGHT" envDefault:"64"`          // calls at a time, more are refused at once
	Window       time.Duration `env:"BREAKER_WINDOW" envDefault:"60s"`        // sliding window of calls to judge by
	WindowCalls  int           `env:"BREAKER_WINDOW_CALLS"`                   // judge by so many last calls instead; 0: by the time above
	MinimumCalls int           `env:"BREAKER_MINIMUM_CALLS" envDefault:"10"`  // in it before it judges
	FailureRate  int           `env:"BREAKER_FAILURE_RATE" envDefault:"50"`   // percent of failures that open it
	SlowAfter    time.Duration `env:"BREAKER_SLOW_AFTER" envDefault:"3s"`     // a call that takes longer is slow
	SlowRate     int           `env:"BREAKER_SLOW_RATE" envDefault:"80"`      // percent of slow calls that open it
	OpenFor      time.Duration `env:"BREAKER_OPEN_FOR" envDefault:"10s"`      // until trial calls are let through
	Trials       int           `env:"BREAKER_HALF_OPEN_CALLS" envDefault:"3"` // that must be good to close it
}

// validateProviders says what is wrong with how providers are configured.
func (c Config) validateProviders() (errs []error) {
	require := func(name, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s: is required to use that provider", name))
		}
	}
	if !c.Sandbox && c.Stripe.Key == "" && c.PayPal.ClientID == "" {
		errs = append(errs, errors.New("STRIPE_KEY: is required, or PAYPAL_CLIENT_ID, or PAYMENT_SANDBOX=true to try things out"))
	}
	if c.Stripe.Key != "" {
		require("STRIPE_WEBHOOK_SECRET", c.Stripe.WebhookSecret.Reveal())
	}
	if c.PayPal.ClientID != "" {
		require("PAYPAL_SECRET", c.PayPal.Secret.Reveal())
		require("PAYPAL_WEBHOOK_ID", c.PayPal.WebhookID)
		require("PAYPAL_RETURN_URL", c.PayPal.ReturnURL)
		require("PAYPAL_CANCEL_URL", c.PayPal.CancelURL)
	}
	if _, err := domain.ParseFees(c.PaymentFees); err != nil {
		errs = append(errs, fmt.Errorf("PAYMENT_FEES: %w", err))
	}
	for name, percent := range map[string]int{"PSP_BREAKER_FAILURE_RATE": c.PSP.FailureRate, "PSP_BREAKER_SLOW_RATE": c.PSP.SlowRate} {
		if percent < 1 || percent > 100 {
			errs = append(errs, fmt.Errorf("%s: must be between 1 and 100", name))
		}
	}
	return errs
}

// Validate reports every mistake at once.
func (c Config) Validate() error {
	errs := append(c.validateProviders(), c.authMistakes()...)
	missing := func(name, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s: is required", name))
		}
	}
	if !c.Database.Configured() {
		errs = append(errs, errors.New("DATABASE_URL: is required, or RDS_HOST and what belongs to it"))
	}
	missing("AUTH_ISSUER", c.Issuer)
	for name, address := range map[string]string{
		"AUTH_ISSUER": c.Issuer, "AUTH_JWKS_URL": c.JWKSURL, "STRIPE_URL": c.Stripe.URL, "PAYPAL_URL": c.PayPal.URL,
		"PAYPAL_RETURN_URL": c.PayPal.ReturnURL, "PAYPAL_CANCEL_URL": c.PayPal.CancelURL,
	} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, fmt.Errorf("%s: must be an http or https address", name))
		}
	}
	if len(c.InternalToken.Reveal()) < leastSecret {
		errs = append(errs, fmt.Errorf("INTERNAL_TOKEN: is required, at least %d characters", leastSecret))
	}
	if also := c.InternalTokenAlso.Reveal(); also != "" && len(also) < leastSecret {
		errs = append(errs, fmt.Errorf("INTERNAL_TOKEN_ALSO: must have at least %d characters", leastSecret))
	}
	if _, err := money.ParseCurrency(c.DefaultCurrency); err != nil {
		errs = append(errs, fmt.Errorf("DEFAULT_CURRENCY: %w", err))
	}
	for name, n := range map[string]int64{
		"WALLET_LIMIT": int64(c.WalletLimit), "LEDGER_GROUP_SIZE": int64(c.GroupSize), "LEDGER_GROUP_TIMEOUT": int64(c.GroupTimeout),
		"PAYMENT_PATIENCE": int64(c.PaymentPatience), "PAYMENT_LOOK_AFTER": int64(c.PaymentLookAfter),
		"PAYMENT_LOOK_WITHIN": int64(c.PaymentLookWithin), "PAYMENT_TTL": int64(c.PaymentTTL), "PAYMENT_LEASE": int64(c.PaymentLease),
		"HOLD_TTL": int64(c.HoldTTL), "RECONCILE_INTERVAL": int64(c.ReconcileEvery), "REVOCATION_POLL": int64(c.RevokedPoll),
		"PSP_TIMEOUT": int64(c.PSP.Timeout), "PSP_MAX_IN_FLIGHT": int64(c.PSP.MaxInFlight), "PSP_BREAKER_WINDOW": int64(c.PSP.Window),
		"PSP_BREAKER_MINIMUM_CALLS": int64(c.PSP.MinimumCalls), "PSP_BREAKER_OPEN_FOR": int64(c.PSP.OpenFor),
		"PSP_BREAKER_HALF_OPEN_CALLS": int64(c.PSP.Trials), "PSP_BREAKER_SLOW_AFTER": int64(c.PSP.SlowAfter),
	} {
		if n <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be positive", name))
		}
	}
	if c.PSP.WindowCalls < 0 {
		errs = append(errs, errors.New("PSP_BREAKER_WINDOW_CALLS: must not be negative"))
	}
	if err := c.Events.Validate("TRANSACTION_QUEUE_URL", c.QueueURL); err != nil {
		errs = append(errs, err)
	}
	if c.IdempotencyTTL < 24*time.Hour {
		errs = append(errs, errors.New("IDEMPOTENCY_TTL: must be at least 24h"))
	}
	return errors.Join(errs...)
}

// authMistakes are those about how the auth service is found and called.
func (c Config) authMistakes() (errs []error) {
	if _, err := discovery.Parse(c.AuthURL); err != nil {
		errs = append(errs, fmt.Errorf("AUTH_URL: %w", err))
	}
	const prefix = "AUTH_CLIENT_"
	return slices.Concat(errs, c.AuthClient.Mistakes(prefix), c.AuthInstances.Mistakes(prefix))
}

func (c Config) jwksURL() string {
	if c.JWKSURL != "" {
		return c.JWKSURL
	}
	return c.Issuer + "/.well-known/jwks.json"
}
