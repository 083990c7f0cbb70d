// Command k8s-e2e proves the local overlay on the cluster of KUBECONFIG, whose Ingress controller
// answers at INGRESS_URL, and records what it saw. It is run from the root of the repository, and
// the images of the overlay, and micropay-reach:local, have to be on the cluster's nodes.
//
// NODE_KILL and NODE_REVIVE are commands that end a node at once and boot it again, given its name;
// without them that step is left out and says so.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// run is one run of the steps.
type run struct {
	url    string
	dir    string // where the records go
	record record
}

// record is what is kept of a run.
type record struct {
	Date    string            `json:"date"`
	Commit  string            `json:"commit"`
	Cluster string            `json:"cluster"`
	Nodes   []string          `json:"nodes"`
	Steps   []result          `json:"steps"`
	Facts   map[string]string `json:"facts,omitempty"`
}

// result is one line of the table.
type result struct {
	Step    string         `json:"step"`
	Name    string         `json:"name"`
	OK      bool           `json:"ok"`
	Figure  string         `json:"figure"`
	Seconds float64        `json:"seconds"`
	Data    map[string]any `json:"data,omitempty"`
}

type step struct {
	number string
	name   string
	short  bool // also part of a short run
	do     func(context.Context, *run, *result) error
}

var steps = []step{
	{"1", "the end-to-end suite, through the Ingress", true, suite},
	{"2", "a rolling update of auth, under load", true, rollingUpdate("auth")},
	{"2", "a rolling update of transaction, under load", true, rollingUpdate("transaction")},
	{"3", "autoscaling up under load, and down without", false, autoscaling},
	{"4", "a node is drained, under load", false, drainNode},
	{"4", "a node dies, under load, and comes back", false, killNode},
	{"5", "a pod of auth is killed, under load", false, killPod("auth", "app.kubernetes.io/name=auth")},
	{"5", "a pod of transaction is killed, under load", false, killPod("transaction", "app.kubernetes.io/name=transaction")},
	{"5", "PostgreSQL's pod is killed, under load", false, killPod("postgres", "app.kubernetes.io/name=postgres")},
	{"6", "a stray pod gets nowhere, and the Ingress leads to nothing else", true, stray},
}

func main() {
	short := flag.Bool("short", false, "only the steps that take a minute: 1, 2 and 6")
	dir := flag.String("out", "", "where the records go (default docs/evidence/data; with -short, nowhere that lasts)")
	only := flag.String("only", "", "only the steps whose number or name contains this; the record keeps the others of before")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := runAll(ctx, *short, *dir, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "k8s-e2e:", err)
		os.Exit(1)
	}
}

func runAll(ctx context.Context, short bool, dir, only string) error {
	r := &run{url: strings.TrimSuffix(os.Getenv("INGRESS_URL"), "/"), dir: dir}
	if r.url == "" || os.Getenv("KUBECONFIG") == "" {
		return errors.New("KUBECONFIG and INGRESS_URL have to say which cluster, and where its Ingress controller answers")
	}
	if dir == "" {
		r.dir = "docs/evidence/data"
		if short {
			tmp, err := os.MkdirTemp("", "k8s-e2e-")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(tmp) }()
			r.dir = tmp
		}
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	before := r.before(only)
	if err := r.setUp(ctx); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	r.record.Steps = before
	var errs []error
	for _, s := range steps {
		if short && !s.short || only != "" && s.number != only && !strings.Contains(s.name, only) {
			continue
		}
		began, res := time.Now(), result{Step: s.number, Name: s.name, Data: map[string]any{}}
		fmt.Printf("%s. %s\n", s.number, s.name)
		err := s.do(ctx, r, &res)
		res.OK, res.Seconds = err == nil, time.Since(began).Seconds()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s. %s: %w", s.number, s.name, err))
			res.Figure = strings.TrimSpace(res.Figure + " FAILED: " + err.Error())
		}
		fmt.Printf("   %s (%.0fs)\n", res.Figure, res.Seconds)
		r.record.keep(res)
		if err := r.save(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

func (r *run) save() error {
	text, err := json.MarshalIndent(r.record, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, "kubernetes.json"), append(text, '\n'), 0o644)
}

// before are the results of an earlier run, when only some steps are run again.
func (r *run) before(only string) []result {
	text, err := os.ReadFile(filepath.Join(r.dir, "kubernetes.json"))
	var old record
	if only == "" || err != nil || json.Unmarshal(text, &old) != nil {
		return nil
	}
	return old.Steps
}

// keep adds a result, or puts it in the place of the same step's, in the order of the steps.
func (r *record) keep(res result) {
	r.Steps = slices.DeleteFunc(r.Steps, func(old result) bool { return old.Name == res.Name })
	r.Steps = append(r.Steps, res)
	place := func(x result) int { return slices.IndexFunc(steps, func(s step) bool { return s.name == x.Name }) }
	slices.SortFunc(r.Steps, func(a, b result) int { return place(a) - place(b) })
}
