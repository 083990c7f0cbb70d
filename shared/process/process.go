// Package process runs a service as a process: two ports, probes, metrics, workers, and an end
// that lets requests finish.
package process

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/telemetry"
)

// Service is what a process runs.
type Service struct {
	HTTP     httpserver.Config
	Public   http.Handler                // for clients, with /livez and /readyz added
	Internal http.Handler                // for other services, with /metrics added
	Health   *httpserver.Health          // what readiness depends on
	Run      func(context.Context) error // workers, until the context ends
	Log      *slog.Logger
	Registry *prometheus.Registry
}

// Listeners are the two ports of a process. No gateway or Ingress routes to the internal one.
type Listeners struct{ Public, Internal net.Listener }

// Listen takes the ports. Errors: one of them is taken.
func Listen(ctx context.Context, public, internal string) (Listeners, error) {
	var config net.ListenConfig
	outside, err := config.Listen(ctx, "tcp", public)
	if err != nil {
		return Listeners{}, err
	}
	inside, err := config.Listen(ctx, "tcp", internal)
	if err != nil {
		return Listeners{}, errors.Join(err, outside.Close())
	}
	return Listeners{outside, inside}, nil
}

// Serve serves both ports until ctx ends, then drains: workers stop last, when no request can
// need them any more. It returns nil after a clean end.
func (s Service) Serve(ctx context.Context, ports Listeners) error {
	public, internal := httpserver.NewRouter(), httpserver.NewRouter()
	s.Health.Routes(public)
	public.PathPrefix("/").Handler(s.Public)
	internal.Handle("/metrics", telemetry.MetricsHandler(s.Registry)).Methods(http.MethodGet)
	internal.PathPrefix("/").Handler(s.Internal)

	working, stopWorkers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorkers()
	workers := make(chan error, 1)
	go func() { workers <- s.Run(working) }()

	servers, ctx := errgroup.WithContext(ctx)
	servers.Go(func() error { return s.serve(ctx, "public", ports.Public, public) })
	servers.Go(func() error { return s.serve(ctx, "internal", ports.Internal, internal) })
	err := servers.Wait()
	stopWorkers()
	return errors.Join(err, <-workers)
}

func (s Service) serve(ctx context.Context, port string, l net.Listener, handler http.Handler) error {
	s.Log.InfoContext(ctx, "listening", "port", port, "address", l.Addr().String())
	around := httpserver.Middleware(httpserver.Options{
		Config: s.HTTP, Log: s.Log, Registry: prometheus.WrapRegistererWith(prometheus.Labels{"port": port}, s.Registry),
	})
	return httpserver.NewServer(s.HTTP, around(handler), s.Health, s.Log).Serve(ctx, l)
}
