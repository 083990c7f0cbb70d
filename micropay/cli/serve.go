package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/telemetry"
)

// load reads the configuration. The directory of --data wins over MICROPAY_DATA, and who reads
// the log decides its form unless LOG_FORMAT does.
func (c command) load(data string) (serve.Config, error) {
	environ := slices.Clone(c.environ)
	if data != "" {
		environ = append(environ, "MICROPAY_DATA="+data)
	}
	config, err := serve.Load(environ)
	if err != nil {
		return config, fmt.Errorf("the configuration is wrong:\n%w", err)
	}
	if isTerminal(c.out) && !slices.ContainsFunc(environ, func(v string) bool { return len(v) > 11 && v[:11] == "LOG_FORMAT=" }) {
		config.Telemetry.Format = "human"
	}
	config.Log = telemetry.NewLogger(c.out, config.Telemetry, "micropay")
	return config, nil
}

func (c command) serve() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "serve", Short: "bring the platform up, with a PostgreSQL of its own", Args: cobra.NoArgs,
		Long: "Serves until SIGTERM or SIGINT, then lets requests finish and stops. What it keeps is in .micropay/.\n" +
			"Settings are environment variables; docs/configuration.md lists them. None is needed.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := c.load(data)
			if err != nil {
				return err
			}
			p, err := serve.Start(cmd.Context(), config)
			if err != nil {
				return err
			}
			c.banner(p, config)
			return c.until(cmd.Context(), p)
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "directory of what is kept across runs (default .micropay, or MICROPAY_DATA)")
	return cmd
}

// banner tells people where everything is; programs read the log.
func (c command) banner(p *serve.Platform, config serve.Config) {
	_, _ = fmt.Fprintf(c.err, `
  MicroPay is up.
    API        %[1]s/auth/...  %[1]s/transaction/...
    docs       %[1]s/docs
    mail       %[1]s/dev/mail
    metrics    %[2]s/metrics
    database   %[3]s
    kept in    %[4]s
  Ctrl-C stops it.

`, p.URL, p.InternalURL, p.Database, config.Data)
}

// until serves until ctx ends or a part of the platform does, then stops what is left.
func (c command) until(ctx context.Context, p *serve.Platform) error {
	select {
	case fault := <-p.Fault():
		return errors.Join(fault, p.Stop())
	case <-ctx.Done():
	}
	_, _ = fmt.Fprintln(c.err, "stopping: letting requests finish (again to stop at once)")
	return p.Stop()
}

func (c command) migrate() *cobra.Command {
	var data string
	var roles bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "make roles and schemas, bring them up to date, and end", Args: cobra.NoArgs,
		Long: "May run any number of times, also at once, and beside a running platform.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := c.load(data)
			if err != nil {
				return err
			}
			if roles {
				return serve.MakeRoles(cmd.Context(), config)
			}
			how, err := serve.Migrate(cmd.Context(), config)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.out, "up to date:", how)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "directory of what is kept across runs (default .micropay, or MICROPAY_DATA)")
	cmd.Flags().BoolVar(&roles, "roles", false, "make the roles of the server of DATABASE_URL only, before a dump is restored into it")
	return cmd
}
