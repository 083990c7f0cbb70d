package transaction

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
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

	AuthURL       string        `env:"AUTH_URL"`       // internal address of the auth service
	InternalToken config.Secret `env:"INTERNAL_TOKEN"` // what services show each other

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
	PaymentFees []string `env:"PAYMENT_FEES"`    // provider:kind:currency:fixed:basispoints, separated by commas

	IdempotencyTTL time.Duration `env:"IDEMPOTENCY_TTL" envDefault:"72h"` // keys are kept this long, at least 24h
	OutboxKeep     time.Duration `env:"OUTBOX_KEEP" envDefault:"720h"`    // published events are kept this long
}

// Validate reports every mistake at once.
func (c Config) Validate() error {
	var errs []error
	missing := func(name, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s: is required", name))
		}
	}
	if !c.Database.Configured() {
		errs = append(errs, errors.New("DATABASE_URL: is required, or RDS_HOST and what belongs to it"))
	}
	missing("AUTH_ISSUER", c.Issuer)
	missing("AUTH_URL", c.AuthURL)
	for name, address := range map[string]string{"AUTH_ISSUER": c.Issuer, "AUTH_URL": c.AuthURL, "AUTH_JWKS_URL": c.JWKSURL} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, fmt.Errorf("%s: must be an http or https address", name))
		}
	}
	if len(c.InternalToken.Reveal()) < leastSecret {
		errs = append(errs, fmt.Errorf("INTERNAL_TOKEN: is required, at least %d characters", leastSecret))
	}
	if _, err := money.ParseCurrency(c.DefaultCurrency); err != nil {
		errs = append(errs, fmt.Errorf("DEFAULT_CURRENCY: %w", err))
	}
	for name, n := range map[string]int64{
		"WALLET_LIMIT": int64(c.WalletLimit), "LEDGER_GROUP_SIZE": int64(c.GroupSize), "LEDGER_GROUP_TIMEOUT": int64(c.GroupTimeout),
		"PAYMENT_PATIENCE": int64(c.PaymentPatience), "PAYMENT_LOOK_AFTER": int64(c.PaymentLookAfter),
		"PAYMENT_LOOK_WITHIN": int64(c.PaymentLookWithin), "PAYMENT_TTL": int64(c.PaymentTTL), "PAYMENT_LEASE": int64(c.PaymentLease),
		"HOLD_TTL": int64(c.HoldTTL), "RECONCILE_INTERVAL": int64(c.ReconcileEvery), "REVOCATION_POLL": int64(c.RevokedPoll),
		"OUTBOX_KEEP": int64(c.OutboxKeep),
	} {
		if n <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be positive", name))
		}
	}
	if c.IdempotencyTTL < 24*time.Hour {
		errs = append(errs, errors.New("IDEMPOTENCY_TTL: must be at least 24h"))
	}
	return errors.Join(errs...)
}

func (c Config) jwksURL() string {
	if c.JWKSURL != "" {
		return c.JWKSURL
	}
	return c.Issuer + "/.well-known/jwks.json"
}
