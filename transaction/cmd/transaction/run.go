package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/process"
	"github.com/micropay/micropay/shared/telemetry"
	"github.com/micropay/micropay/transaction"
)

// settings are the service's, and what only a process of its own needs.
type settings struct {
	Listening    listening
	Transaction  transaction.Config
	Telemetry    telemetry.Config
	InternalAddr string        `env:"TRANSACTION_INTERNAL_ADDR" envDefault:":8001"` // internal routes and /metrics
	OwnerURL     config.Secret `env:"MIGRATE_DATABASE_URL"`
}

// listening is known without the rest of the configuration, which a probe need not have.
type listening struct {
	Addr string `env:"TRANSACTION_ADDR" envDefault:":8000"` // the public port
}

func run(ctx context.Context, args, environ []string, out io.Writer) error {
	at, err := config.Load[listening](environ)
	if err != nil {
		return err
	}
	if done, err := process.Aside(ctx, "transaction", args, at.Addr, out); done {
		return err
	}
	command := "serve"
	if len(args) > 0 {
		command = args[0]
	}
	if len(args) > 1 || command != "serve" && command != "migrate" {
		return fmt.Errorf("no command %q: serve or migrate", args)
	}
	set, err := config.Load[settings](environ)
	if err != nil {
		return err
	}
	if command == "migrate" && set.OwnerURL == "" {
		return errors.New("MIGRATE_DATABASE_URL: is required to migrate")
	}
	if set.OwnerURL != "" {
		if err := transaction.Migrate(ctx, set.OwnerURL.Reveal()); err != nil {
			return err
		}
	}
	if command == "migrate" {
		return nil
	}
	return serve(ctx, set, telemetry.NewLogger(out, set.Telemetry, "transaction"))
}

func serve(ctx context.Context, set settings, log *slog.Logger) (err error) {
	stopTracing, err := telemetry.StartTracing(ctx, set.Telemetry, "transaction", log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTracing(context.WithoutCancel(ctx))) }()
	registry := telemetry.NewRegistry()
	service, err := transaction.New(ctx, set.Transaction, transaction.Deps{Log: log, Registry: registry})
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
		HTTP: set.Transaction.HTTP, Public: service.Public(), Internal: service.Internal(), Health: health,
		Run: service.Run, Log: log, Registry: registry,
	}.Serve(ctx, ports)
}
