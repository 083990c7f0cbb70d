// Command k8s-evidence writes docs/evidence/kubernetes.md and its plots from what k8s-e2e recorded
// in docs/evidence/data. It is run from the root of the repository.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/micropay/micropay/testing/plot"
)

const (
	dir  = "docs/evidence"
	data = "docs/evidence/data"
)

type record struct {
	Date, Commit, Cluster string
	Nodes                 []string
	Facts                 map[string]string
	Steps                 []struct {
		Step, Name, Figure string
		OK                 bool
		Data               struct {
			KilledAt  float64 `json:"killed_at"`
			RevivedAt float64 `json:"revived_at"`
			Load      struct {
				Sent    int
				Seconds float64
			}
		}
	}
}

// line is any of the recorded ones.
type line struct {
	Second  *float64
	Sent    float64
	Failed  float64
	P99     float64 `json:"p99_ms"`
	At      float64
	Service string
	Pods    float64
	Ready   float64
	CPU     float64 `json:"cpu_percent"`
	Load    bool
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "k8s-evidence:", err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile(filepath.Join(data, "kubernetes.json"))
	if err != nil {
		return err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	var page strings.Builder
	fmt.Fprintf(&page, "# Kubernetes: what was seen\n\nWritten by `make k8s-evidence` from [data](data), which `make k8s-e2e` recorded on %s at commit %s:\n%s, nodes %s,\nall of them and the load on one machine of two cores. [kubernetes.md](../kubernetes.md) tells what is deployed and how.\n\n",
		r.Date, r.Commit, r.Cluster, strings.Join(r.Nodes, ", "))
	page.WriteString("| step | what | requests a second | held | figure |\n|---|---|---|---|---|\n")
	for _, s := range r.Steps {
		held := "yes"
		if !s.OK {
			held = "no"
		}
		rate := ""
		if s.Data.Load.Seconds > 0 {
			rate = fmt.Sprintf("%.0f", float64(s.Data.Load.Sent)/s.Data.Load.Seconds)
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", s.Step, s.Name, rate, held, strings.ReplaceAll(strings.ReplaceAll(s.Figure, "\n", " "), "|", "\\|"))
	}
	page.WriteString(notes)
	if err := plots(&page, r); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "kubernetes.md"), []byte(page.String()), 0o644)
}

const notes = `
A request counts as failed when its connection broke, it was not answered within 5 seconds, or the answer was not the one that
is right; nothing is repeated unseen. Each client keeps one connection. A transfer that failed is repeated with its key until it is
known; at the end each answered transfer is asked for, each balance is compared with the answers, and the audit walks the ledger.
Clients wait for their answer before they ask again, so that slow answers mean fewer requests. Times contain whatever else the machine did.
What a picture of requests is about happens after eight seconds. A step may have been run again alone, and the date is of the last run.

`

func plots(page *strings.Builder, r record) error {
	var killed, revived float64
	for _, s := range r.Steps {
		killed, revived = max(killed, s.Data.KilledAt), max(revived, s.Data.RevivedAt)
	}
	for _, p := range []struct {
		file  string
		title string
		marks []plot.Mark
	}{
		{"rollout-auth", "A rolling update of auth", nil},
		{"rollout-transaction", "A rolling update of transaction", nil},
		{"drain", "A node is drained", nil},
		{"kill-node", "A node dies, and comes back", []plot.Mark{{At: killed, Text: "dies"}, {At: revived, Text: "boots"}}},
		{"kill-auth", "A pod of auth is killed", nil},
		{"kill-transaction", "A pod of transaction is killed", nil},
		{"kill-postgres", "PostgreSQL's pod is killed", nil},
	} {
		lines, err := read(p.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := write(page, p.file, plot.Chart{Title: p.title, X: "seconds", Y: "requests a second", Series: requests(lines), Marks: p.marks}); err != nil {
			return err
		}
	}
	lines, err := read("autoscaling-pods")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pods, cpu := scaling(lines)
	marks := loaded(lines, r)
	return errors.Join(
		write(page, "autoscaling-pods", plot.Chart{Title: "Pods wanted by the autoscaler", X: "seconds", Y: "pods", Series: pods, Marks: marks}),
		write(page, "autoscaling-cpu", plot.Chart{Title: "Processor, of what the pods requested (the target is 60)", X: "seconds", Y: "percent", Series: cpu, Marks: marks}),
	)
}

// loaded marks where the load begins and ends, and where calm begins: between the two each answered
// transfer is asked for again, which is some load too, and no sample is taken.
func loaded(lines []line, r record) (marks []plot.Mark) {
	var before bool
	for _, l := range lines {
		if l.Service == "" || l.Load == before {
			continue
		}
		if before = l.Load; !before {
			marks = append(marks, plot.Mark{At: l.At, Text: "calm"})
			continue
		}
		marks = append(marks, plot.Mark{At: l.At, Text: "load"})
		for _, s := range r.Steps {
			if s.Step == "3" {
				marks = append(marks, plot.Mark{At: l.At + s.Data.Load.Seconds, Text: "answers are checked"})
			}
		}
	}
	return marks
}

// requests are the answered and the failed ones of each second.
func requests(lines []line) []plot.Series {
	good, bad := plot.Series{Name: "answered"}, plot.Series{Name: "failed"}
	var last float64 = -1
	for _, l := range lines {
		if l.Second == nil {
			continue
		}
		for s := last + 1; s < *l.Second; s++ { // a second in which nothing ended
			good.Points, bad.Points = append(good.Points, plot.Point{X: s}), append(bad.Points, plot.Point{X: s})
		}
		last = *l.Second
		good.Points = append(good.Points, plot.Point{X: last, Y: l.Sent - l.Failed})
		bad.Points = append(bad.Points, plot.Point{X: last, Y: l.Failed})
	}
	return []plot.Series{good, bad}
}

func scaling(lines []line) (pods, cpu []plot.Series) {
	for _, name := range []string{"auth", "transaction"} {
		p, c := plot.Series{Name: name, Steps: true}, plot.Series{Name: name, Steps: true}
		for _, l := range lines {
			if l.Service == name {
				p.Points = append(p.Points, plot.Point{X: l.At, Y: l.Pods})
				c.Points = append(c.Points, plot.Point{X: l.At, Y: l.CPU})
			}
		}
		pods, cpu = append(pods, p), append(cpu, c)
	}
	return pods, cpu
}

func write(page *strings.Builder, name string, c plot.Chart) error {
	fmt.Fprintf(page, "![%s](%s.svg)\n\n", c.Title, name)
	return os.WriteFile(filepath.Join(dir, name+".svg"), []byte(c.SVG()), 0o644)
}

func read(name string) (lines []line, err error) {
	file, err := os.Open(filepath.Join(data, name+".jsonl"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	for scan := bufio.NewScanner(file); scan.Scan(); {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}
