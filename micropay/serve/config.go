// Package serve runs the whole of MicroPay in one process: PostgreSQL as a child, both services
// behind one public address, their internal routes and metrics behind another.
package serve

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/telemetry"
	"github.com/micropay/micropay/transaction"
)

// Config is all that can be set, by environment variables; every secret X may also be given as a
// file named by X_FILE. Nothing has to be set.
type Config struct {
	Data         string `env:"MICROPAY_DATA" envDefault:".micropay"` // what is kept across runs
	Addr         string `env:"LISTEN_ADDR" envDefault:"localhost:8000"`
	InternalAddr string `env:"INTERNAL_ADDR" envDefault:"127.0.0.1:8001"` // internal routes and /metrics
	// PostgresRepository is where PostgreSQL's programs come from on a machine that has none.
	PostgresRepository string `env:"MICROPAY_POSTGRES_REPOSITORY"`

	// Services that run apart log in with these; with them, migrate keeps nothing on this machine.
	AuthPassword        config.Secret `env:"AUTH_DB_PASSWORD"`        // of the role micropay_auth
	TransactionPassword config.Secret `env:"TRANSACTION_DB_PASSWORD"` // of the role micropay_transaction

	Telemetry   telemetry.Config
	Auth        auth.Config
	Transaction transaction.Config

	Log *slog.Logger // nil: quiet
	// what was left to the platform
	ownDatabase, ownIssuer, ownToken, ownMail bool
}

// stopPatience is how long PostgreSQL may take to stop.
const stopPatience = 15 * time.Second

// Load reads the configuration from environ, which has the form of os.Environ. What a service
// alone would need to be told, the platform finds out by itself.
func Load(environ []string) (Config, error) {
	own := func(name, placeholder string, instead ...string) bool {
		if slices.ContainsFunc(append(instead, name, name+"_FILE"), func(n string) bool { return isSet(environ, n) }) {
			return false
		}
		environ = append(slices.Clip(environ), name+"="+placeholder)
		return true
	}
	// The placeholders pass the services' own checks until Start knows better.
	own("LOCAL_MODE", "true")
	own("PAYMENT_SANDBOX", "true", "STRIPE_KEY", "STRIPE_KEY_FILE", "PAYPAL_CLIENT_ID") // never beside real money
	database := own("DATABASE_URL", "postgres://localhost/", "RDS_HOST", "RDS_NAME", "RDS_USER", "RDS_PASS", "RDS_PASS_FILE")
	issuer := own("AUTH_ISSUER", "http://localhost")
	token := own("INTERNAL_TOKEN", strings.Repeat("-", 32))
	mail := own("MAIL_DIR", "mail")
	own("AUTH_URL", "http://localhost")
	own("TRANSACTION_URL", "http://localhost")
	c, err := config.Load[Config](environ)
	if err != nil {
		return c, once(err)
	}
	if err := c.passwordMistakes(database); err != nil {
		return c, err
	}
	c.ownDatabase, c.ownIssuer, c.ownToken, c.ownMail = database, issuer, token, mail
	if c.Auth.UsesCognito() {
		c.knowCognito(isSet(environ, "AUTH_CLIENT_ID"))
	}
	return c, nil
}

// knowCognito tells both services whose tokens are theirs when a user pool issues them.
func (c *Config) knowCognito(clientsGiven bool) {
	if c.ownIssuer {
		c.ownIssuer = false
		c.Auth.Issuer = c.Auth.CognitoIssuer()
		c.Transaction.Issuer = c.Auth.Issuer
	}
	if !clientsGiven {
		c.Transaction.ClientIDs = []string{c.Auth.CognitoClientID}
	}
}

func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(pair string) bool {
		n, value, _ := strings.Cut(pair, "=")
		return n == name && value != ""
	})
}

// once drops mistakes that both services report in the same words.
func once(err error) error {
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}
