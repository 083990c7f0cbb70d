// Command soak lets the platform work for half an hour and looks whether anything grows. It is run
// from the root of the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/micropay/micropay/testing/soak"
)

func main() {
	var o soak.Options
	flag.StringVar(&o.Program, "program", "bin/micropay", "the built platform")
	flag.DurationVar(&o.For, "for", 30*time.Minute, "how long")
	flag.DurationVar(&o.WarmUp, "warm-up", 5*time.Minute, "in which things may grow")
	flag.DurationVar(&o.Every, "every", 5*time.Second, "between two samples")
	flag.IntVar(&o.Clients, "clients", 16, "each on a connection of its own")
	flag.DurationVar(&o.Pause, "pause", 10*time.Millisecond, "between the calls of one client")
	flag.StringVar(&o.Record, "record", "docs/evidence", "the folder that is written to; empty: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := soak.Main(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}
