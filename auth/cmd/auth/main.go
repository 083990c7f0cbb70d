// Command auth runs the auth service.
//
//	auth [serve]      serve until SIGTERM or SIGINT, then drain
//	auth migrate      bring the schema up to date and end
//	auth rotate-key   make a new signing key and end
//	auth healthcheck [ready]   ask the one that serves here whether it lives, or is ready
//	auth --version    say which build this is
//
// Settings come from environment variables; package auth lists them. MIGRATE_DATABASE_URL, the
// address of the schema's owner, is needed to migrate; with it, serve migrates first.
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
		fmt.Fprintln(os.Stderr, "auth:", err)
		os.Exit(1)
	}
}
