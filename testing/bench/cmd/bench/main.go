// Command bench starts a durable PostgreSQL and a platform on it, and compares transfers over
// REST with transfers in SQL.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/micropay/micropay/testing/bench"
)

func main() {
	var o bench.Options
	flag.StringVar(&o.Program, "program", "bin/micropay", "the built platform")
	flag.IntVar(&o.Wallets, "wallets", 10_000, "wallets, and accounts of the SQL side")
	flag.IntVar(&o.Rounds, "rounds", 3, "rounds of each side and pattern")
	flag.IntVar(&o.Seconds, "seconds", 10, "of a round")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench.Main(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
