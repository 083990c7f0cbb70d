package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Database says where PostgreSQL is and how it is used. DATABASE_URL wins over RDS_*. With
// neither, a service starts the embedded server.
type Database struct {
	URL Secret `env:"DATABASE_URL"`

	Host    string `env:"RDS_HOST"`
	Port    int    `env:"RDS_PORT" envDefault:"5432"`
	Name    string `env:"RDS_NAME"`
	User    string `env:"RDS_USER"`
	Pass    Secret `env:"RDS_PASS"`
	SSLMode string `env:"RDS_SSLMODE" envDefault:"require"`

	MaxOpen          int           `env:"DATABASE_MAX_OPEN_CONNS" envDefault:"16"`
	ConnectTimeout   time.Duration `env:"DATABASE_CONNECT_TIMEOUT" envDefault:"5s"`
	StatementTimeout time.Duration `env:"DATABASE_STATEMENT_TIMEOUT" envDefault:"5s"`
	LockTimeout      time.Duration `env:"DATABASE_LOCK_TIMEOUT" envDefault:"2s"`
	IdleInTx         time.Duration `env:"DATABASE_IDLE_IN_TX_TIMEOUT" envDefault:"10s"`
}

// DSN is the address to connect to, empty when none is configured.
func (d Database) DSN() string {
	if d.URL != "" {
		return d.URL.Reveal()
	}
	if d.Host == "" {
		return ""
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(d.User, d.Pass.Reveal()),
		Host:     net.JoinHostPort(d.Host, strconv.Itoa(d.Port)),
		Path:     "/" + d.Name,
		RawQuery: url.Values{"sslmode": {d.SSLMode}}.Encode(),
	}
	return u.String()
}

// Configured tells whether an address was given.
func (d Database) Configured() bool { return d.DSN() != "" }

// Validate reports every mistake. A database that is half described is one: it must not be
// taken for none.
func (d Database) Validate() error {
	var mistakes []error
	if d.URL != "" && !isPostgresURL(d.URL.Reveal()) {
		mistakes = append(mistakes, errors.New("DATABASE_URL: must be postgres://user:password@host:port/database"))
	}
	if d.URL == "" {
		mistakes = append(mistakes, d.validateRDS()...)
	}
	if d.MaxOpen < 1 {
		mistakes = append(mistakes, errors.New("DATABASE_MAX_OPEN_CONNS: must be at least 1"))
	}
	for _, limit := range []struct {
		name  string
		value time.Duration
	}{
		{"DATABASE_CONNECT_TIMEOUT", d.ConnectTimeout},
		{"DATABASE_STATEMENT_TIMEOUT", d.StatementTimeout},
		{"DATABASE_LOCK_TIMEOUT", d.LockTimeout},
		{"DATABASE_IDLE_IN_TX_TIMEOUT", d.IdleInTx},
	} {
		if limit.value <= 0 {
			mistakes = append(mistakes, fmt.Errorf("%s: must be longer than 0", limit.name))
		}
	}
	return errors.Join(mistakes...)
}

func (d Database) validateRDS() []error {
	var mistakes []error
	if d.Host == "" && d.Name+d.User+d.Pass.Reveal() != "" {
		mistakes = append(mistakes, errors.New("RDS_HOST: is required with the other RDS variables"))
	}
	if d.Host == "" {
		return mistakes
	}
	for _, part := range []struct{ name, value string }{
		{"RDS_NAME", d.Name}, {"RDS_USER", d.User}, {"RDS_PASS", d.Pass.Reveal()},
	} {
		if part.value == "" {
			mistakes = append(mistakes, fmt.Errorf("%s: is required with RDS_HOST", part.name))
		}
	}
	if d.Port < 1 || d.Port > 65535 {
		mistakes = append(mistakes, errors.New("RDS_PORT: must be from 1 to 65535"))
	}
	if modes := []string{"disable", "require", "verify-ca", "verify-full"}; !slices.Contains(modes, d.SSLMode) {
		mistakes = append(mistakes, fmt.Errorf("RDS_SSLMODE: must be one of %v", modes))
	}
	return mistakes
}

func isPostgresURL(raw string) bool {
	u, err := url.Parse(raw)
	// The socket folder of a local server is given as ?host=/run/postgresql.
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") &&
		(u.Host != "" || u.Query().Get("host") != "")
}
