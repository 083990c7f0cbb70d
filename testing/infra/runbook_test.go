package infra_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/infra"
)

// The runbook names targets, programs, outputs and parameters: all of them are there.
func TestRunbook_NamesWhatThereIs(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile("../../" + name) //nolint:gosec // of this repository
		require.NoError(t, err)
		return string(text)
	}
	runbook, makefile := read("docs/deploy.md"), read("Makefile")
	named := func(pattern string) (names []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(runbook, -1) {
			names = append(names, m[1])
		}
		require.NotEmpty(t, names, pattern)
		return names
	}
	for _, targets := range named("(?m)(?:^ *|`)make ([a-z][a-z -]*[a-z])") {
		for _, target := range strings.Fields(targets) {
			require.Regexp(t, `(?m)^([a-z-]+ )*`+target+`( [a-z-]+)*:`, makefile, target)
		}
	}
	for _, program := range named(`((?:infra|k8s)/[a-z]+\.sh)`) {
		require.FileExists(t, "../../"+program)
	}
	var outputs, parameters []string
	for _, template := range load(t) {
		for name := range template.Outputs {
			outputs = append(outputs, name)
		}
		for name := range template.Parameters {
			parameters = append(parameters, template.Layer+"."+name)
		}
	}
	for _, name := range named(`\(out ([A-Za-z]+)\)`) {
		require.Contains(t, outputs, name)
	}
	own := settings(t, "sandbox")["cluster"]
	for _, name := range named(`\b((?:` + strings.Join(append(slices.Clone(infra.Layers), "cluster"), "|") + `)\.[A-Z][A-Za-z]+)`) {
		key, ofCluster := strings.CutPrefix(name, "cluster.")
		if ofCluster {
			require.Contains(t, own, key, name)
			continue
		}
		require.Contains(t, parameters, name)
	}
	for _, account := range named(`serviceAccount\.name=([a-z-]+)`) {
		require.Contains(t, read("k8s/cluster.yaml"), "serviceAccountName: "+account+"\n")
	}
}
