package k8s_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/micropay/micropay/testing/k8s"
)

// manifests are those of the base, with what kustomize adds to them, after old was replaced by new
// in them, everywhere.
func manifests(t *testing.T, old, new string) []runtime.Object {
	t.Helper()
	var all []runtime.Object
	found := old == ""
	read := func(stage, text string) {
		found = found || strings.Contains(text, old)
		if old != "" {
			text = strings.ReplaceAll(text, old, new)
		}
		objects, err := k8s.Decode([]byte(text))
		require.NoError(t, err)
		for _, o := range objects {
			m, err := meta.Accessor(o)
			require.NoError(t, err)
			if _, given := m.GetLabels()["micropay/stage"]; !given {
				labels := map[string]string{"micropay/stage": stage}
				for k, v := range m.GetLabels() {
					labels[k] = v
				}
				m.SetLabels(labels)
			}
		}
		all = append(all, objects...)
	}
	for _, file := range []string{
		"ground/namespace.yaml", "ground/accounts.yaml", "ground/policies.yaml", "migration/job.yaml",
		"services/auth.yaml", "services/transaction.yaml", "services/ingress.yaml", "services/audit.yaml",
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "k8s", "base", file))
		require.NoError(t, err)
		read(filepath.Dir(file), string(text))
	}
	read("ground", generated)
	require.True(t, found, "no manifest has %q", old)
	return all
}

// requireBroken wants the rule, and only it, to say so when old is replaced by new.
func requireBroken(t *testing.T, rule, old, new string) {
	t.Helper()
	var names []string
	for _, f := range k8s.Check(manifests(t, old, new), k8s.Rules()) {
		names = append(names, f.Rule)
		require.NotEmpty(t, f.Object, f)
		require.NotEmpty(t, f.Text, f)
	}
	require.Contains(t, names, rule, "%q instead of %q", new, old)
}

func requireAllKept(t *testing.T) {
	t.Helper()
	require.Empty(t, k8s.Check(manifests(t, "", ""), k8s.Rules()))
}

const generated = `apiVersion: v1
kind: ConfigMap
metadata: {name: database}
data: {RDS_HOST: postgres}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: services}
data: {DRAIN_DELAY: 8s, SHUTDOWN_GRACE: 20s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: transaction}
data: {AUTH_URL: "dns://auth-pods:8001"}
---
apiVersion: v1
kind: Secret
metadata: {name: database-admin}
data: {username: eA==, password: eA==}
---
apiVersion: v1
kind: Secret
metadata: {name: database-auth}
data: {password: eA==}
---
apiVersion: v1
kind: Secret
metadata: {name: database-transaction}
data: {password: eA==}
---
apiVersion: v1
kind: Secret
metadata: {name: internal-token}
data: {token: eA==, also: ""}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: auth}
data: {TRANSACTION_URL: "dns://transaction-pods:8001"}
`

func replace(text, old, new string) string {
	if old == "" {
		return text
	}
	return strings.ReplaceAll(text, old, new)
}
