package serve_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
)

func TestDocs_ConfigurationNamesEveryVariableAndItsDefault(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\| (?:`([^`]*)`)? ?\\|").FindAllStringSubmatch(string(text), -1) {
		told[row[1]] = row[2]
	}
	variables, err := env.GetFieldParamsWithOptions(&serve.Config{}, env.Options{Environment: map[string]string{}})
	require.NoError(t, err)
	var faults []string
	for _, v := range variables {
		value, known := told[v.Key]
		switch {
		case v.OwnKey == "":
		case !known:
			faults = append(faults, v.Key+" is missing")
		case v.HasDefaultValue && value != v.DefaultValue:
			faults = append(faults, fmt.Sprintf("%s has the default %q, not %q", v.Key, v.DefaultValue, value))
		}
	}
	require.Empty(t, faults)
}
