package httpserver

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config bounds what a server takes and how long; every service has one.
type Config struct {
	BodyLimit      int64         `env:"BODY_LIMIT" envDefault:"65536"`         // bytes
	RequestTimeout time.Duration `env:"REQUEST_TIMEOUT" envDefault:"10s"`      // until an answer is given up
	MaxInFlight    int           `env:"MAX_IN_FLIGHT" envDefault:"1024"`       // requests at a time; more are refused
	RateLimit      int           `env:"RATE_LIMIT" envDefault:"5000"`          // requests a second for each token or address; 0: any number
	RateBurst      int           `env:"RATE_BURST" envDefault:"10000"`         // requests a caller may save up
	DrainDelay     time.Duration `env:"DRAIN_DELAY" envDefault:"500ms"`        // not ready, but serving, before shutdown begins
	ShutdownGrace  time.Duration `env:"SHUTDOWN_GRACE" envDefault:"20s"`       // for requests under way
	AllowedOrigins []string      `env:"CORS_ALLOWED_ORIGINS" envSeparator:","` // exact origins of browsers' pages
	TrustedProxies []string      `env:"TRUSTED_PROXIES" envSeparator:","`      // CIDRs whose X-Forwarded-For is believed
}

// Validate reports every bound that makes no sense.
func (c Config) Validate() error {
	var errs []error
	for name, n := range map[string]int64{
		"BODY_LIMIT": c.BodyLimit, "REQUEST_TIMEOUT": int64(c.RequestTimeout), "MAX_IN_FLIGHT": int64(c.MaxInFlight),
		"SHUTDOWN_GRACE": int64(c.ShutdownGrace),
	} {
		if n <= 0 {
			errs = append(errs, fmt.Errorf("%s must be positive", name))
		}
	}
	if c.RateLimit < 0 || c.RateLimit > 0 && c.RateBurst < 1 {
		errs = append(errs, errors.New("RATE_LIMIT must not be negative, and RATE_BURST positive"))
	}
	if c.DrainDelay < 0 {
		errs = append(errs, errors.New("DRAIN_DELAY must not be negative"))
	}
	for _, cidr := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			errs = append(errs, fmt.Errorf("TRUSTED_PROXIES: %w", err))
		}
	}
	return errors.Join(errs...)
}
