package faults_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/testing/moto"
	"github.com/micropay/micropay/transaction"
)

const childVariable = "MICROPAY_FAULTS_CHILD"

// child runs the workers of a service until it is killed.
func child(service string) {
	ctx, log := context.Background(), slog.New(slog.NewTextHandler(os.Stderr, nil))
	clients := moto.ConfigOf(os.Getenv("AWS_ENDPOINT_URL"))
	err := func() error {
		if service == "auth" {
			cfg, err := config.Load[auth.Config](os.Environ())
			if err != nil {
				return err
			}
			s, err := auth.New(ctx, cfg, auth.Deps{Log: log, AWS: &clients})
			if err != nil {
				return err
			}
			return s.Run(ctx)
		}
		cfg, err := config.Load[transaction.Config](os.Environ())
		if err != nil {
			return err
		}
		s, err := transaction.New(ctx, cfg, transaction.Deps{Log: log, AWS: &clients})
		if err != nil {
			return err
		}
		return s.Run(ctx)
	}()
	log.Error("ended", "error", err)
	os.Exit(1)
}

// spawn starts a service's workers as a process.
func (w *eventWorld) spawn(service string) *exec.Cmd {
	w.t.Helper()
	program, err := os.Executable()
	require.NoError(w.t, err)
	cmd := exec.Command(program)
	cmd.Env = append(slices.Clone(w.env[service]), childVariable+"="+service, "AWS_EC2_METADATA_DISABLED=true")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR"} {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	cmd.Stdout, cmd.Stderr = w.log, w.log
	require.NoError(w.t, cmd.Start())
	w.t.Cleanup(func() { kill(cmd) })
	return cmd
}

// kill is kill -9.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
