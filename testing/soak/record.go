package soak

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/micropay/micropay/testing/plot"
)

func (r result) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%.0f s, %d clients: %d requests, %d failed, %.0f a second; p50 %.1f ms, p99 %.1f ms\n",
		r.server, r.load.Seconds, r.options.Clients, r.load.Sent, r.load.Failed, float64(r.load.Sent)/r.load.Seconds, r.load.P50, r.load.P99)
	fmt.Fprintf(&b, "%d transfers answered, %d lost, %d wrong balances; audit: %d transfers, %d entries, %d violations\n",
		r.verdict.Transfers, r.verdict.Lost, r.verdict.Wrong, r.audit.Transfers, r.audit.Entries, r.audit.Violations())
	if warm := Warm(r.samples, r.options.WarmUp); len(warm) > 0 {
		first, last := warm[0], warm[len(warm)-1]
		fmt.Fprintf(&b, "memory %+.2f MB a minute after %s (from %.0f to %.0f MB); goroutines %d to %d, files %d to %d, PostgreSQL sessions %d to %d\n",
			MemoryPerMinute(warm)/(1<<20), r.options.WarmUp, megabytes(first), megabytes(last),
			first.Goroutines, last.Goroutines, first.Files, last.Files, first.Sessions, last.Sessions)
	}
	return b.String()
}

func megabytes(s Sample) float64 { return float64(s.RSS) / (1 << 20) }

// record writes the page, its plots and the samples they are drawn from.
func (r result) record(dir string) error {
	var lines strings.Builder
	of := map[string]*plot.Series{}
	for _, name := range []string{"memory", "goroutines", "files", "sessions"} {
		of[name] = &plot.Series{Name: name}
	}
	for _, s := range r.samples {
		if err := json.NewEncoder(&lines).Encode(s); err != nil {
			return err
		}
		for name, y := range map[string]float64{"memory": megabytes(s), "goroutines": float64(s.Goroutines), "files": float64(s.Files), "sessions": float64(s.Sessions)} {
			of[name].Points = append(of[name].Points, plot.Point{X: s.At / 60, Y: y})
		}
	}
	marks := []plot.Mark{{At: r.options.WarmUp.Minutes(), Text: "judged from here"}}
	memory := plot.Chart{Title: "Resident memory", X: "minutes", Y: "MB", Series: []plot.Series{*of["memory"]}, Marks: marks}
	held := plot.Chart{Title: "What else it holds", X: "minutes", Y: "number", Series: []plot.Series{*of["goroutines"], *of["files"], *of["sessions"]}, Marks: marks}
	page := fmt.Sprintf("# A long run: what was seen\n\nWritten by `make soak` on %s: both services in one process, PostgreSQL and the load on one machine.\n\n```\n%s```\n\n"+
		"Each client pays its neighbour, reads its wallet, pays again and asks who it is. Memory may grow by less than a megabyte a minute once warm;\n"+
		"the others may not grow.\n\n![Resident memory](soak-memory.svg)\n\n![What else it holds](soak-held.svg)\n", time.Now().UTC().Format(time.DateOnly), r.text())
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "data", "soak.jsonl"), []byte(lines.String()), 0o644),
		os.WriteFile(filepath.Join(dir, "soak-memory.svg"), []byte(memory.SVG()), 0o644),
		os.WriteFile(filepath.Join(dir, "soak-held.svg"), []byte(held.SVG()), 0o644),
		os.WriteFile(filepath.Join(dir, "soak.md"), []byte(page), 0o644),
	)
}
