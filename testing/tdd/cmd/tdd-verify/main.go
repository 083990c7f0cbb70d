// Command tdd-verify replays the cycles that history claims and writes their table into
// docs/tdd.md. With -check it writes nothing and fails when the table is not current.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tdd-verify:", err)
		os.Exit(1)
	}
}
