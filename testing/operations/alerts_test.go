// Package operations_test holds what wakes somebody to what that somebody then reads.
package operations_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// An alert as Prometheus reads it.
type alert struct {
	Alert       string
	Labels      struct{ Severity string }
	Annotations struct{ Summary, Runbook string }
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	raw, err := os.ReadFile("../../deploy/prometheus/rules.yml")
	require.NoError(t, err)
	var file struct{ Groups []struct{ Rules []alert } }
	require.NoError(t, yaml.Unmarshal(raw, &file))
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				all = append(all, rule)
			}
		}
	}
	require.GreaterOrEqual(t, len(all), 10)
	return all
}

// Whoever is called finds what to do: each alert has a section of its name, which says something,
// and a test in which it fires; no section is of an alert that is no more.
func TestAlerts_EachHasItsSectionInOperations(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, chapter, found := strings.Cut(string(text), "\n## Alerts\n")
	require.True(t, found)
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	sections := map[string]string{}
	for _, part := range strings.Split(chapter, "\n### ")[1:] {
		title, says, _ := strings.Cut(part, "\n")
		sections[title] = says
	}
	tests, err := os.ReadFile("../../deploy/prometheus/rules_test.yml")
	require.NoError(t, err)
	for _, a := range alerts(t) {
		require.Contains(t, string(tests), "alertname: "+a.Alert+"\n        exp_alerts:\n", "a case in which it fires")
		require.Equal(t, "docs/operations.md#"+strings.ToLower(a.Alert), a.Annotations.Runbook)
		require.Contains(t, []string{"page", "ticket"}, a.Labels.Severity, a.Alert)
		require.Contains(t, sections, a.Alert)
		require.Regexp(t, regexp.MustCompile(`(?s)\*\*`+a.Labels.Severity+`\*\*.{200,}`), sections[a.Alert], "%s: how urgent, what it means and what to do", a.Alert)
		delete(sections, a.Alert)
	}
	require.Empty(t, sections, "of no alert")
}
