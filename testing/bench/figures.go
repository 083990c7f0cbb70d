// Package bench compares transfers over REST with the same transfers in SQL, on one PostgreSQL.
//
// One side is pgbench: the least SQL that keeps double entry, one transfer for each commit. The
// other is the running platform: tokens, idempotency keys, all of it. Rounds of both alternate,
// so that whatever else the machine does befalls both alike; what counts is their ratio.
package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Pattern is who pays whom.
type Pattern string

// Spread pays from anybody to anybody; Hot pays from anybody to one merchant.
const (
	Spread Pattern = "spread"
	Hot    Pattern = "one hot wallet"
)

// Figures are of one round of one side.
type Figures struct {
	Took      time.Duration
	Latencies []time.Duration // one for each transfer that was made
}

// PerSecond is the rate of transfers.
func (f Figures) PerSecond() float64 { return float64(len(f.Latencies)) / f.Took.Seconds() }

// Quantile returns the latency that a share q of the transfers did not exceed.
func (f Figures) Quantile(q float64) time.Duration {
	if len(f.Latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f.Latencies))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// Side is all rounds of one way to transfer.
type Side struct {
	Name   string
	Rounds []Figures
}

// of is the median over the rounds.
func (s Side) of(what func(Figures) float64) float64 {
	v := make([]float64, len(s.Rounds))
	for i, f := range s.Rounds {
		v[i] = what(f)
	}
	return median(v)
}

// Over is the median over the rounds of s's transfers for each transfer of other.
func (s Side) Over(other Side) float64 {
	v := make([]float64, len(s.Rounds))
	for i, f := range s.Rounds {
		v[i] = f.PerSecond() / other.Rounds[i].PerSecond()
	}
	return median(v)
}

// Result is all sides for one pattern; the last one is REST.
type Result struct {
	Pattern Pattern
	Sides   []Side
}

func (r Result) rest() Side { return r.Sides[len(r.Sides)-1] }

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// Print writes a table of medians and the ratios.
func Print(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "pattern\tside\ttransfers/s\tp50 ms\tp99 ms\tREST / side\t")
	for _, r := range results {
		for _, s := range r.Sides {
			ms := func(q float64) float64 { return s.of(func(f Figures) float64 { return f.Quantile(q).Seconds() * 1e3 }) }
			_, _ = fmt.Fprintf(t, "%s\t%s\t%.0f\t%.1f\t%.1f\t%.2f\t\n", r.Pattern, s.Name, s.of(Figures.PerSecond), ms(.5), ms(.99), r.rest().Over(s))
		}
	}
	if err := t.Flush(); err != nil || len(results) < 2 {
		return err
	}
	spread, hot := results[0], results[1]
	_, err := fmt.Fprintf(w, "REST, %s / %s: %.2f\n", hot.Pattern, spread.Pattern, hot.rest().Over(spread.rest()))
	return err
}
