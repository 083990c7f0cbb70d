package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/shared/resilience"
)

// Settings are what an operator can say, for a configuration to hold with an envPrefix that names
// the callee.
type Settings struct {
	TTL        time.Duration `env:"DISCOVERY_TTL" envDefault:"5s"` // how long a source's answer is good
	EjectAfter int           `env:"EJECT_AFTER" envDefault:"5"`    // failures of an instance in a row; an instance that cannot be reached is ejected at once
	EjectFor   time.Duration `env:"EJECT_FOR" envDefault:"10s"`    // an instance is left alone
}

// Mistakes are what is wrong, each by its variable: prefix is that of the settings.
func (s Settings) Mistakes(prefix string) (errs []error) {
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"DISCOVERY_TTL", int64(s.TTL)}, {"EJECT_AFTER", int64(s.EjectAfter)}, {"EJECT_FOR", int64(s.EjectFor)},
	} {
		if n.value <= 0 {
			errs = append(errs, fmt.Errorf("%s%s: must be positive", prefix, n.name))
		}
	}
	return errs
}

// Options of a Balancer. The zero value of each but Name means the default.
type Options struct {
	Name      string // of the callee, in logs and metrics
	Settings         // defaults as its variables have
	KeyHeader string // that makes a POST repeatable; default resilience.DefaultKeyHeader
	// Base sends a request to the instance in its URL. It must tell httptrace of its connections, as
	// http.Transport does. Default: resilience.NewTransport, with half a second to connect.
	Base     http.RoundTripper
	Resolver *net.Resolver // asked by dns:// and dns+srv://; default net.DefaultResolver
	// AWS is asked for by cloudmap://; default config.LoadDefaultConfig, which reads AWS_REGION and all else.
	AWS      func(context.Context) (aws.Config, error)
	Log      *slog.Logger          // hears who is ejected, and when a source goes away; default none
	Registry prometheus.Registerer // default none
}

func (o Options) complete() Options {
	if o.TTL <= 0 {
		o.TTL = 5 * time.Second
	}
	if o.EjectAfter <= 0 {
		o.EjectAfter = 5
	}
	if o.EjectFor <= 0 {
		o.EjectFor = 10 * time.Second
	}
	if o.KeyHeader == "" {
		o.KeyHeader = resilience.DefaultKeyHeader
	}
	if o.Base == nil {
		o.Base = newTransport()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
