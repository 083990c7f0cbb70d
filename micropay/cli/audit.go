package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/shared/database"
)

func (c command) audit() *cobra.Command {
	var at beside
	var asJSON bool
	cmd := &cobra.Command{
		Use: "audit", Short: "walk the whole ledger and prove that it adds up", Args: cobra.NoArgs,
		Long: "Reads one snapshot, so the platform may go on working; a stopped one's database is started meanwhile.\n" +
			"Exit status: 0 the ledger is clean, 1 a rule is broken, 2 it could not be looked at.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := c.look(cmd.Context(), at)
			if err != nil {
				return exitError{couldNotLook, err}
			}
			if err := c.tell(report, asJSON); err != nil {
				return exitError{couldNotLook, err}
			}
			if n := report.Violations(); n > 0 {
				return exitError{failed, fmt.Errorf("the ledger breaks its rules %d times", n)}
			}
			return nil
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as JSON")
	return cmd
}

// look finds the database and audits what is in it.
func (c command) look(ctx context.Context, at beside) (*audit.Report, error) {
	config, d, err := c.borrow(ctx, at)
	if err != nil {
		return nil, err
	}
	report, err := c.walk(ctx, d.DSN, audit.Options{OutboxKeep: config.Transaction.Events.Keep, Idle: d.Started})
	return report, errors.Join(err, d.Stop(context.WithoutCancel(ctx)))
}

func (c command) walk(ctx context.Context, dsn string, o audit.Options) (*audit.Report, error) {
	db, err := database.Open(ctx, database.Config{DSN: dsn, ApplicationName: "micropay audit", MaxOpen: 1, StatementTimeout: -1, IdleInTx: -1})
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	if isTerminal(c.err) {
		bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(c.err), progressbar.OptionSetDescription("auditing"),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		defer func() { _ = bar.Finish() }()
		o.Progress = func(done, total int64) {
			bar.ChangeMax64(max(total, done))
			_ = bar.Set64(done)
		}
	}
	return audit.Run(ctx, db, o)
}

func (c command) tell(r *audit.Report, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CHECK\tEXAMINED\tBROKEN\tRULE")
	for _, check := range r.Checks {
		broken := fmt.Sprint(check.Violations)
		if check.Skipped != "" {
			broken = "skipped: " + check.Skipped
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", check.Name, check.Examined, broken, check.Rule)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, check := range r.Checks {
		for _, example := range check.Examples {
			_, _ = fmt.Fprintf(c.out, "BROKEN %s: %s\n", check.Name, example)
		}
	}
	_, err := fmt.Fprintf(c.out, "%d accounts, %d transfers, %d entries: %d violations\n", r.Accounts, r.Transfers, r.Entries, r.Violations())
	return err
}
