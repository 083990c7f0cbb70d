package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/transaction"
	"github.com/micropay/micropay/transaction/app"
)

// reconciling is what the command was asked for.
type reconciling struct {
	beside
	provider, date, format string
}

func (c command) reconcile() *cobra.Command {
	var asked reconciling
	cmd := &cobra.Command{
		Use: "reconcile", Short: "compare a payment provider's list of a day with ours", Args: cobra.NoArgs,
		Long: "Reads both and changes nothing. The provider is configured as for serve (STRIPE_..., PAYPAL_...).\n" +
			"Exit status: 0 they agree, 1 they differ, 2 it could not be looked at.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := c.compare(cmd.Context(), asked)
			if err == nil {
				err = tellReconciliation(c.out, r, asked.format)
			}
			if err != nil {
				return exitError{couldNotLook, err}
			}
			if n := len(r.Differences); n > 0 {
				return exitError{failed, fmt.Errorf("%s and we: %d differences", asked.provider, n)}
			}
			return nil
		},
	}
	asked.flags(cmd)
	cmd.Flags().StringVar(&asked.provider, "provider", "", "stripe or paypal")
	cmd.Flags().StringVar(&asked.date, "date", "", "the day, in UTC, e.g. 2026-03-01 (default yesterday)")
	cmd.Flags().StringVar(&asked.format, "format", "table", "table, csv or json")
	return cmd
}

// compare wires a service of its own on the database, which serves nobody.
func (c command) compare(ctx context.Context, asked reconciling) (app.Reconciliation, error) {
	day, err := asked.day(time.Now())
	if err != nil {
		return app.Reconciliation{}, err
	}
	set, d, err := c.borrow(ctx, asked.beside)
	if err != nil {
		return app.Reconciliation{}, err
	}
	defer func() { _ = d.Stop(context.WithoutCancel(ctx)) }()
	set.Transaction.Database.URL = config.Secret(d.DSN)
	service, err := transaction.New(ctx, set.Transaction, transaction.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return app.Reconciliation{}, err
	}
	defer func() { _ = service.Close() }()
	seen, finish := c.progress("reading " + asked.provider)
	defer finish()
	return service.Reconcile(ctx, asked.provider, day, seen)
}

func (r reconciling) day(now time.Time) (time.Time, error) {
	if !slices.Contains([]string{"table", "csv", "json"}, r.format) {
		return time.Time{}, fmt.Errorf("--format %q: must be table, csv or json", r.format)
	}
	if r.provider == "" {
		return time.Time{}, errors.New("--provider: is required")
	}
	if r.date == "" {
		return now.UTC().Add(-24 * time.Hour), nil
	}
	day, err := time.Parse(time.DateOnly, r.date)
	if err != nil {
		return time.Time{}, fmt.Errorf("--date %q: must be a day like 2026-03-01", r.date)
	}
	if day.After(now) {
		return time.Time{}, fmt.Errorf("--date %s: has not come yet", r.date)
	}
	return day, nil
}

// progress shows people how much has been read.
func (c command) progress(what string) (seen func(int), finish func()) {
	if !isTerminal(c.err) {
		return func(int) {}, func() {}
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(c.err), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	return func(n int) { _ = bar.Set(n) }, func() { _ = bar.Finish() }
}

// line is a difference as it is shown.
type line struct {
	Difference  app.DifferenceKind `json:"difference"`
	PaymentID   string             `json:"payment_id"`
	ProviderRef string             `json:"provider_ref"`
	Kind        string             `json:"kind"`
	Ours        string             `json:"ours"`
	OurStatus   string             `json:"our_status"`
	Theirs      string             `json:"theirs"`
	TheirStatus string             `json:"their_status"`
}

func lineOf(d app.Difference) line {
	l := line{Difference: d.Kind, PaymentID: string(d.Ours.ID), ProviderRef: d.Ours.ProviderRef, Kind: string(d.Ours.Kind), OurStatus: string(d.Ours.Status)}
	if d.Ours.ID != "" {
		l.Ours = d.Ours.Amount.String()
	}
	if d.Theirs.Ref != "" {
		l.ProviderRef, l.Kind = d.Theirs.Ref, string(d.Theirs.Kind)
		l.Theirs, l.TheirStatus = d.Theirs.Amount.String(), string(d.Theirs.Status)
	}
	if l.PaymentID == "" {
		l.PaymentID = string(d.Theirs.Payment)
	}
	return l
}

func (l line) cells() []string {
	return []string{string(l.Difference), l.PaymentID, l.ProviderRef, l.Kind, l.Ours, l.OurStatus, l.Theirs, l.TheirStatus}
}

var columns = []string{"difference", "payment_id", "provider_ref", "kind", "ours", "our_status", "theirs", "their_status"}

func tellReconciliation(out io.Writer, r app.Reconciliation, format string) error {
	lines := make([]line, len(r.Differences))
	for i, d := range r.Differences {
		lines[i] = lineOf(d)
	}
	switch format {
	case "json":
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{
			"provider": r.Provider, "date": r.Day.Format(time.DateOnly), "compared": r.Compared, "differences": lines,
		})
	case "csv":
		w := csv.NewWriter(out)
		_ = w.Write(columns) // a csv.Writer keeps its error
		for _, l := range lines {
			_ = w.Write(l.cells())
		}
		w.Flush()
		return w.Error()
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, l := range append([]line{{}}, lines...) {
		cells := l.cells()
		if i == 0 {
			cells = columns
		}
		for _, cell := range cells {
			_, _ = fmt.Fprintf(table, "%s\t", cell)
		}
		_, _ = fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s on %s: %d compared, %d differences\n", r.Provider, r.Day.Format(time.DateOnly), r.Compared, len(lines))
	return err
}
