package infra_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/micropay/micropay/testing/infra"
)

var (
	variable   = regexp.MustCompile("(?m)^\\| `([A-Z][A-Z0-9_]*)` \\|")
	secret     = regexp.MustCompile(`(PASS|PASSWORD|SECRET|TOKEN|_KEY|DATABASE_URL)$|^PAYPAL_.*_ID$`)
	fromSecret = regexp.MustCompile(`\{name: ([A-Z0-9_]+), valueFrom: \{secretKeyRef: \{name: ([a-z-]+), key: ([a-z_]+)\}\}\}`)
)

// elsewhere are secrets that production goes without, and why.
var elsewhere = map[string]string{
	"DATABASE_URL":         "RDS_* say the same",
	"MIGRATE_DATABASE_URL": "a Job of its own migrates",
	"SIGNING_KEY":          "Cognito signs tokens",
}

// place is a key of a Secret in the cluster, or of one in Secrets Manager.
type place struct{ name, key string }

// inCluster tells which place each variable of the pods comes from.
func inCluster(t *testing.T) map[string]place {
	t.Helper()
	at := map[string]place{}
	for _, dir := range []string{"../../k8s/base", overlay} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // of this repository
			for _, m := range fromSecret.FindAllStringSubmatch(string(text), -1) {
				at[m[1]] = place{m[2], m[3]}
			}
			return err
		}))
	}
	return at
}

// brought tells which place in Secrets Manager each place in the cluster is filled from.
func brought(t *testing.T) map[place]place {
	t.Helper()
	file, err := os.Open(overlay + "/secrets.yaml")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	from := map[place]place{}
	for documents := yaml.NewDecoder(file); ; {
		var d struct {
			Kind string
			Spec struct {
				Target struct{ Name string }
				Data   []struct {
					SecretKey string                         `yaml:"secretKey"`
					RemoteRef struct{ Key, Property string } `yaml:"remoteRef"`
				}
			}
		}
		err := documents.Decode(&d)
		if errors.Is(err, io.EOF) {
			return from
		}
		require.NoError(t, err)
		for _, item := range d.Spec.Data {
			from[place{d.Spec.Target.Name, item.SecretKey}] = place{item.RemoteRef.Key, item.RemoteRef.Property}
		}
	}
}

// made are the places that the templates make in Secrets Manager, and that External Secrets may read.
func made(t *testing.T) (places []place) {
	t.Helper()
	var readable []string
	for _, r := range infra.All(load(t), "AWS::IAM::Role") {
		if r.Name == "SecretsRole" {
			readable = append(readable, text(t, r.Properties))
		}
	}
	for _, r := range infra.All(load(t), "AWS::SecretsManager::Secret") {
		require.Containsf(t, readable[0], `{"Ref":"`+r.Name+`"}`, "External Secrets may not read %s", r.Name)
		name, _ := property(r, "Name").(string)
		given := property(r, "SecretString")
		if sub, is := given.(map[string]any); is {
			given = sub["Fn::Sub"]
		}
		if generated, is := property(r, "GenerateSecretString", "GenerateStringKey").(string); is {
			places = append(places, place{name, generated})
			given = property(r, "GenerateSecretString", "SecretStringTemplate")
		}
		var keys map[string]string
		written, _ := given.(string)
		require.NoErrorf(t, json.Unmarshal([]byte(written), &keys), "%s", r.Name)
		for key := range keys {
			places = append(places, place{name, key})
		}
	}
	require.Contains(t, readable[0], `{"Ref":"DatabaseAdmin"}`)
	return append(places, place{"${DatabaseAdmin}", "username"}, place{"${DatabaseAdmin}", "password"}) // RDS makes that one
}

// A secret that docs/configuration.md knows has its way from Secrets Manager into a pod, or a reason
// why production does without.
func TestOverlay_EverySecretIsBroughtFromSecretsManager(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	pods, cluster, aws := inCluster(t), brought(t), made(t)
	var seen []string
	for _, m := range variable.FindAllStringSubmatch(string(document), -1) {
		name := m[1]
		if !secret.MatchString(name) || elsewhere[name] != "" || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		in, given := pods[name]
		require.Truef(t, given, "no pod is given %s", name)
		from, there := cluster[in]
		require.Truef(t, there, "%s: nothing fills the key %s of the Secret %s", name, in.key, in.name)
		require.Containsf(t, aws, from, "%s comes from a secret that the stack does not make", name)
	}
	require.GreaterOrEqual(t, len(seen), 10, strings.Join(seen, " "))
	for in, from := range cluster {
		require.Containsf(t, aws, from, "the Secret %s would never be ready", in.name)
	}
}
