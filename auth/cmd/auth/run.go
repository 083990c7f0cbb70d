package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/telemetry"
)

// settings are the service's, and what only a process of its own needs.
type settings struct {
	Auth         auth.Config
	Telemetry    telemetry.Config
	Addr         string        `env:"AUTH_ADDR" envDefault:":8000"`
	InternalAddr string        `env:"AUTH_INTERNAL_ADDR" envDefault:":8001"` // internal routes and /metrics
	OwnerURL     config.Secret `env:"MIGRATE_DATABASE_URL"`
}

func run(ctx context.Context, args, environ []string, out io.Writer) error {
	set, err := config.Load[settings](environ)
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(out, set.Telemetry, "auth")
	command := "serve"
	if len(args) > 0 {
		command = args[0]
	}
	switch {
	case len(args) > 1:
		return errors.New("one command at a time: serve, migrate or rotate-key")
	case command == "serve":
		return serve(ctx, set, log)
	case command == "migrate":
		return migrate(ctx, set)
	case command == "rotate-key":
		return rotateKey(ctx, set, log)
	}
	return fmt.Errorf("no command %q: serve, migrate or rotate-key", command)
}

func migrate(ctx context.Context, set settings) error {
	if set.OwnerURL == "" {
		return errors.New("MIGRATE_DATABASE_URL: is required to migrate")
	}
	return auth.Migrate(ctx, set.OwnerURL.Reveal())
}

func rotateKey(ctx context.Context, set settings, log *slog.Logger) error {
	service, err := auth.New(ctx, set.Auth, auth.Deps{Log: log})
	if err != nil {
		return err
	}
	return errors.Join(service.RotateSigningKey(ctx), service.Close())
}

func serve(ctx context.Context, set settings, log *slog.Logger) (err error) {
	if set.OwnerURL != "" {
		if err := migrate(ctx, set); err != nil {
			return err
		}
	}
	stopTracing, err := telemetry.StartTracing(ctx, set.Telemetry, "auth", log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTracing(context.WithoutCancel(ctx))) }()
	registry := telemetry.NewRegistry()
	service, err := auth.New(ctx, set.Auth, auth.Deps{Log: log, Registry: registry})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()

	health := httpserver.NewHealth()
	service.Health(health)
	public, internal := httpserver.NewRouter(), httpserver.NewRouter()
	health.Routes(public)
	public.PathPrefix("/").Handler(service.Public())
	internal.Handle("/metrics", telemetry.MetricsHandler(registry)).Methods(http.MethodGet)
	internal.PathPrefix("/").Handler(service.Internal())

	var listen net.ListenConfig
	outside, err := listen.Listen(ctx, "tcp", set.Addr)
	if err != nil {
		return err
	}
	inside, err := listen.Listen(ctx, "tcp", set.InternalAddr)
	if err != nil {
		return errors.Join(err, outside.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return service.Run(ctx) })
	for name, port := range map[string]struct {
		net.Listener
		http.Handler
	}{"public": {outside, public}, "internal": {inside, internal}} {
		log.InfoContext(ctx, "listening", "port", name, "address", port.Addr().String())
		around := httpserver.Middleware(httpserver.Options{
			Config: set.Auth.HTTP, Log: log, Registry: prometheus.WrapRegistererWith(prometheus.Labels{"port": name}, registry),
		})
		server := httpserver.NewServer(set.Auth.HTTP, around(port.Handler), health, log)
		group.Go(func() error { return server.Serve(ctx, port.Listener) })
	}
	return group.Wait()
}
