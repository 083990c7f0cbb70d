package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/tools/cover"

	"github.com/micropay/micropay/coverage/gate"
)

const prefix = "github.com/micropay/micropay"

// childrenVariable tells tests where the programs they start shall leave their coverage.
const childrenVariable = "MICROPAY_COVERDIR"

type runner struct {
	tree           gate.Tree
	out            string // folder of everything written
	stdout, stderr io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.Bool("only", false, "judge the profile of the last run again, without running tests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := goOutput(ctx, "env", "GOWORK")
	if err != nil || root == "" {
		return errors.Join(errors.New("this is not run inside the workspace"), err)
	}
	r := runner{tree: gate.Tree{Prefix: prefix, Root: filepath.Dir(root)}, stdout: stdout, stderr: stderr}
	r.out = filepath.Join(r.tree.Root, "coverage", "out")
	thresholds, err := gate.ReadThresholds(filepath.Join(r.tree.Root, "coverage", "threshold.yaml"))
	if err != nil {
		return err
	}
	if !*only {
		if err := r.test(ctx, flags.Args()); err != nil {
			return err
		}
	}
	return r.judge(thresholds)
}

func goOutput(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	return strings.TrimSpace(string(out)), err
}

// test runs all tests of all modules once; extra are more flags for go test.
func (r runner) test(ctx context.Context, extra []string) error {
	children := filepath.Join(r.out, "children")
	if err := errors.Join(os.RemoveAll(r.out), os.MkdirAll(children, 0o750)); err != nil {
		return err
	}
	modules, err := goOutput(ctx, "list", "-m", "-f", "{{.Dir}}/...")
	if err != nil {
		return err
	}
	packages, err := goOutput(ctx, append([]string{"list"}, strings.Fields(modules)...)...)
	if err != nil {
		return err
	}
	var covered []string
	for pkg := range strings.FieldsSeq(packages) {
		if !strings.HasSuffix(pkg, "/mocks") {
			covered = append(covered, pkg)
		}
	}
	args := append([]string{
		// Many tests wait for databases, so more packages than processors run at a time. Vet has its
		// own target, and nobody debugs these binaries.
		"test", "-p=" + strconv.Itoa(2*runtime.GOMAXPROCS(0)), "-vet=off", "-ldflags=-s -w", "-race", "-shuffle=on", "-covermode=atomic", "-coverpkg=" + strings.Join(covered, ","),
		"-coverprofile=" + r.path("tests.out"),
	}, extra...)
	test := exec.CommandContext(ctx, "go", append(args, strings.Fields(packages)...)...)
	test.Env = append(os.Environ(), childrenVariable+"="+children)
	test.Stdout, test.Stderr = &withoutCoverage{to: r.stdout}, r.stderr
	if err := test.Run(); err != nil {
		return fmt.Errorf("tests failed: %w", err)
	}
	return r.collect(ctx, children)
}

func (r runner) path(name string) string { return filepath.Join(r.out, name) }

// collect turns what started programs covered into a profile.
func (r runner) collect(ctx context.Context, children string) error {
	left, err := os.ReadDir(children)
	if err != nil || len(left) == 0 {
		return err
	}
	_, err = goOutput(ctx, "tool", "covdata", "textfmt", "-i="+children, "-o="+r.path("children.out"))
	return err
}

func (r runner) judge(thresholds gate.Thresholds) error {
	profiles := []string{r.path("tests.out")}
	if _, err := os.Stat(r.path("children.out")); err == nil {
		profiles = append(profiles, r.path("children.out"))
	}
	merged, err := gate.Read(r.tree, profiles...)
	if err != nil {
		return err
	}
	report := gate.Summarise(r.tree, merged)
	if err := r.write(merged, report, thresholds["total"]); err != nil {
		return err
	}
	if err := report.Print(r.stdout, thresholds); err != nil {
		return err
	}
	return report.Judge(thresholds)
}

func (r runner) write(merged []*cover.Profile, report gate.Report, least float64) error {
	for name, write := range map[string]func(io.Writer) error{
		"coverage.out":  func(w io.Writer) error { return gate.WriteProfile(w, merged) },
		"cobertura.xml": func(w io.Writer) error { return gate.WriteCobertura(w, r.tree, merged) },
		"badge.svg":     func(w io.Writer) error { return gate.WriteBadge(w, report.Total, least) },
	} {
		f, err := os.Create(r.path(name))
		if err != nil {
			return err
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return err
		}
	}
	html := exec.Command("go", "tool", "cover", "-html="+r.path("coverage.out"), "-o="+r.path("index.html"))
	html.Dir = r.tree.Root
	if out, err := html.CombinedOutput(); err != nil {
		return fmt.Errorf("go tool cover: %w: %s", err, out)
	}
	return nil
}

// withoutCoverage drops go test's own percentage, which with -coverpkg is that of one package's
// tests over everything and only misleads.
type withoutCoverage struct {
	to   io.Writer
	rest []byte
}

func (w *withoutCoverage) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, whole := strings.Cut(string(w.rest), "\n")
		if !whole {
			return len(p), nil
		}
		w.rest = []byte(rest)
		if before, _, found := strings.Cut(line, "\tcoverage: "); found {
			line = before
		}
		if strings.HasPrefix(line, "\t"+prefix) {
			line = "?   " + strings.TrimRight(line, "\t ") + "\t[no test files]"
		}
		if strings.HasPrefix(line, "coverage: ") {
			continue
		}
		if _, err := fmt.Fprintln(w.to, line); err != nil {
			return 0, err
		}
	}
}
