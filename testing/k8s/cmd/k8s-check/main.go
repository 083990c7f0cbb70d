// Command k8s-check renders the overlays in k8s/ and holds them against the rules of package k8s.
// It is run from the root of the repository and needs kubectl.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropay/micropay/testing/k8s"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "k8s-check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	document, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		return err
	}
	rules := append(k8s.Rules(), k8s.RenderedRules(k8s.Settings(string(document)))...)
	var broken int
	for _, overlay := range []struct {
		name string
		more []k8s.Rule
	}{{"local", k8s.LocalRules()}, {"eks", k8s.EKSRules()}} {
		n, err := check(ctx, out, overlay.name, slices.Concat(rules, overlay.more))
		if err != nil {
			return err
		}
		broken += n
	}
	n, err := cluster(ctx, out)
	if broken += n; broken > 0 {
		return errors.Join(err, fmt.Errorf("%d rules are broken", broken))
	}
	return err
}

// check prints each rule, and says how many are broken.
func check(ctx context.Context, out io.Writer, name string, rules []k8s.Rule) (broken int, err error) {
	dir := filepath.Join("k8s", "overlays", name)
	if script := filepath.Join(dir, "secrets.sh"); exists(script) {
		if text, err := exec.CommandContext(ctx, "./"+script).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%s: %w: %s", script, err, text)
		}
	}
	text, err := k8s.Render(ctx, dir)
	if err != nil {
		return 0, err
	}
	objects, err := k8s.Decode(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	_, _ = fmt.Fprintf(out, "%s: %d objects, each field known to the API\n", name, len(objects))
	for _, rule := range rules {
		findings := k8s.Check(objects, []k8s.Rule{rule})
		say(out, rule.Name, rule.Says, findings)
		broken += min(1, len(findings))
	}
	return broken, nil
}

func say(out io.Writer, name, says string, findings []k8s.Finding) {
	verdict := "ok    "
	if len(findings) > 0 {
		verdict = "BROKEN"
	}
	_, _ = fmt.Fprintf(out, "  %s %-15s %s\n", verdict, name, says)
	for _, f := range findings {
		_, _ = fmt.Fprintf(out, "         %s: %s\n", f.Object, f.Text)
	}
}

// cluster checks eksctl's file, and that no secret is kept by git.
func cluster(ctx context.Context, out io.Writer) (broken int, err error) {
	text, err := os.ReadFile("k8s/cluster.yaml")
	if err != nil {
		return 0, err
	}
	_, _ = fmt.Fprintln(out, "the cluster and the repository:")
	findings := k8s.CheckCluster(text)
	say(out, "cluster", "three t3.medium over two zones, with the add-ons and identities that eks needs", findings)
	broken += min(1, len(findings))
	findings = nil
	kept, err := exec.CommandContext(ctx, "git", "ls-files", "k8s/overlays/local/secrets").Output()
	if err == nil && strings.TrimSpace(string(kept)) != "" {
		findings = append(findings, k8s.Finding{Object: "k8s/overlays/local/secrets", Text: "is in git"})
	}
	say(out, "secrets in git", "the generated secrets of local are not in git", findings)
	return broken + min(1, len(findings)), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
