// Package cli is the command line of micropay: serve, migrate, demo, audit, reconcile,
// events, version.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/micropay/micropay/shared/build"
)

// What a command's end says to scripts.
const (
	done   = 0
	failed = 1
	// couldNotLook is of audit and reconcile: they found the books neither right nor wrong.
	couldNotLook = 2
)

// exitError is an error with an exit status of its own.
type exitError struct {
	status int
	error
}

func (e exitError) Unwrap() error { return e.error }

// command is what all commands share.
type command struct {
	environ []string
	out     io.Writer
	err     io.Writer
}

// Run runs one command and returns its exit status. The first SIGINT or SIGTERM asks it to stop,
// a second one ends it at once.
func Run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal has its usual effect
	c := command{environ: environ, out: stdout, err: stderr}
	root := &cobra.Command{
		Use: "micropay", Short: "MicroPay: wallets, a ledger and transfers, on one machine",
		SilenceUsage: true, SilenceErrors: true, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Version: build.Version(),
	}
	root.SetVersionTemplate(build.Line("micropay") + "\n")
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(c.serve(), c.migrate(), c.demo(), c.audit(), c.reconcile(), c.events(), c.version())
	err := root.ExecuteContext(ctx)
	if err == nil {
		return done
	}
	_, _ = fmt.Fprintln(stderr, "micropay:", err)
	var exit exitError
	if errors.As(err, &exit) {
		return exit.status
	}
	return failed
}

func (c command) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "say which build this is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(c.out, build.Line("micropay"))
			return err
		},
	}
}

// isTerminal tells whether people, and not a program, read w.
func isTerminal(w io.Writer) bool {
	f, is := w.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}
