package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/process"
	"github.com/micropay/micropay/shared/telemetry"
)

// settings are the service's, and what only a process of its own needs.
type settings struct {
	Listening    listening
	Auth         auth.Config
	Telemetry    telemetry.Config
	InternalAddr string        `env:"AUTH_INTERNAL_ADDR" envDefault:":8001"` // internal routes and /metrics
	OwnerURL     config.Secret `env:"MIGRATE_DATABASE_URL"`
}

// listening is known without the rest of the configuration, which a probe need not have.
type listening struct {
	Addr string `env:"AUTH_ADDR" envDefault:":8000"` // the public port
}

func run(ctx context.Context, args, environ []string, out io.Writer) error {
	at, err := config.Load[listening](environ)
	if err != nil {
		return err
	}
	if done, err := process.Aside(ctx, "auth", args, at.Addr, out); done {
		return err
	}
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
	ports, err := process.Listen(ctx, set.Listening.Addr, set.InternalAddr)
	if err != nil {
		return err
	}
	return process.Service{
		HTTP: set.Auth.HTTP, Public: service.Public(), Internal: service.Internal(), Health: health,
		Run: service.Run, Log: log, Registry: registry,
	}.Serve(ctx, ports)
}
