// Command micropay runs MicroPay on one machine, and is the operator's command line.
package main

import (
	"context"
	"os"

	"github.com/micropay/micropay/micropay/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
