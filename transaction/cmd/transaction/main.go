// Command transaction runs the transaction service.
//
//	transaction [serve]   serve until SIGTERM or SIGINT, then drain
//	transaction migrate   bring the schema up to date and end
//	transaction healthcheck [ready]   ask the one that serves here whether it lives, or is ready
//	transaction --version   say which build this is
//
// Settings come from environment variables; package transaction lists them. MIGRATE_DATABASE_URL,
// the address of the schema's owner, is needed to migrate; with it, serve migrates first.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "transaction:", err)
		os.Exit(1)
	}
}
