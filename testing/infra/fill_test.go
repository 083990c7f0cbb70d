package infra_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/micropay/micropay/testing/infra"
)

const (
	clusterFile = "../../k8s/cluster.yaml"
	overlay     = "../../k8s/overlays/eks"
)

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9]+)\}`)

// stack is an account in which every layer before the cluster is up: its program aws tells the
// outputs of the templates, each valued after its name, but those in without.
func stack(t *testing.T, without ...string) (env []string) {
	t.Helper()
	dir := t.TempDir()
	var told strings.Builder
	for _, template := range load(t) {
		for name := range template.Outputs {
			if template.Layer != "edge" && !slices.Contains(without, name) {
				fmt.Fprintf(&told, "%s\tmade & <%s>\n", name, name)
			}
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "outputs"), []byte(told.String()), 0o600))
	script := "#!/bin/sh\ncase \"$*\" in sts*) echo 111111111111;; *) cat " + dir + "/outputs;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "aws"), []byte(script), 0o700)) //nolint:gosec // a program has to be executable
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "MICROPAY_ACCOUNT=111111111111"}
}

func fill(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	//nolint:gosec // our own program
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{folder + "/fill.sh"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// sources are eksctl's file and those of the overlay, by name.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{"cluster.yaml": clusterFile}
	entries, err := os.ReadDir(overlay)
	require.NoError(t, err)
	for _, e := range entries {
		files[e.Name()] = filepath.Join(overlay, e.Name())
	}
	for name, path := range files {
		text, err := os.ReadFile(path) //nolint:gosec // of this repository
		require.NoError(t, err)
		files[name] = string(text)
	}
	return files
}

func TestFill_PutsInWhatTheStackMade(t *testing.T) {
	t.Parallel()
	given, err := infra.LoadSettings(folder + "/sandbox.params")
	require.NoError(t, err)
	into := filepath.Join(t.TempDir(), "filled")
	out, err := fill(t, stack(t), "sandbox", "1a2b3c", into)
	require.NoError(t, err, out)

	used := map[string]bool{}
	for name, text := range sources(t) {
		want := placeholder.ReplaceAllStringFunc(text, func(found string) string {
			key := placeholder.FindStringSubmatch(found)[1]
			used[key] = true
			if value, set := given["cluster"][key]; set {
				return value
			}
			if key == "Tag" {
				return "1a2b3c"
			}
			return "made & <" + key + ">"
		})
		got, err := os.ReadFile(filepath.Join(into, name)) //nolint:gosec // of this test
		require.NoError(t, err, name)
		require.Equal(t, want, string(got), name)
		require.NotContains(t, want, "${", name)
		require.NotRegexp(t, `111122223333|us-east-1_example|\.example\.`, want, "%s names an account or a pool of its own", name)
	}
	for _, name := range []string{
		"VpcId", "PrivateSubnetA", "PrivateSubnetB", "ZoneA", "ZoneB", "SgNodes", "AuthRole", "TransactionRole", "SecretsRole", // the cluster
		"SgWeb", "DatabaseHost", "DatabaseAdmin", "TopicArn", "AuthQueueUrl", "TransactionQueueUrl", "Issuer", "PoolId", "ClientId", "MailFrom",
		"AuthRepository", "TransactionRepository", "OperatorRepository", "Tag",
	} {
		require.Truef(t, used[name], "nobody is told %s", name)
	}
}

func TestFill_WhatNothingGives_IsNamedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	into := filepath.Join(t.TempDir(), "filled")
	out, err := fill(t, stack(t, "MailFrom", "SgNodes"), "sandbox", "1a2b3c", into)
	require.Error(t, err)
	require.Contains(t, out, "auth.env: nothing gives MailFrom")
	require.Contains(t, out, "cluster.yaml: nothing gives SgNodes")
	require.NoDirExists(t, into)

	for want, args := range map[string][]string{
		"no stage staging": {"staging", "1", into},
		"infra/fill.sh":    {"sandbox"},
	} {
		out, err := fill(t, stack(t), args...)
		require.Error(t, err)
		require.Contains(t, out, want)
	}
}

// PostgreSQL lets in the group SgNodes: the nodes, and with them their pods, bear it, and nobody else does. The
// load balancer bears the group that alone reaches the pods' port.
func TestCluster_NodesBearTheGroupThatPostgreSQLLetsIn(t *testing.T) {
	t.Parallel()
	files := sources(t)
	var cluster struct {
		Groups []struct {
			SecurityGroups struct {
				AttachIDs []string `yaml:"attachIDs"`
			} `yaml:"securityGroups"`
		} `yaml:"managedNodeGroups"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(files["cluster.yaml"]), &cluster))
	require.NotEmpty(t, cluster.Groups)
	for _, g := range cluster.Groups {
		require.Equal(t, []string{"${SgNodes}"}, g.SecurityGroups.AttachIDs)
	}
	for name, text := range files {
		if name != "cluster.yaml" {
			require.NotContains(t, text, "${SgNodes}", name)
		}
	}
	var ingress struct {
		Metadata struct{ Annotations map[string]string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(files["ingress.yaml"]), &ingress))
	require.Equal(t, "${SgWeb}", ingress.Metadata.Annotations["alb.ingress.kubernetes.io/security-groups"])
	for _, r := range infra.All(load(t), "AWS::EC2::SecurityGroup") {
		if r.Name == "SgNodes" {
			require.Contains(t, text(t, property(r, "SecurityGroupIngress")), `{"Ref":"SgWeb"}`)
		}
	}
}

// `make push` pushes to repositories that are there: ECR makes none by itself.
func TestTemplates_RepositoriesAreThoseThatMakePushes(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	var pushed, made []string
	for _, m := range regexp.MustCompile(`(?m)^IMAGE_\w+ *= *(\S+)$`).FindAllStringSubmatch(string(makefile), -1) {
		pushed = append(pushed, m[1])
	}
	for _, r := range infra.All(load(t), "AWS::ECR::Repository") {
		name, _ := property(r, "RepositoryName").(string)
		made = append(made, name)
	}
	require.Len(t, pushed, 3)
	require.ElementsMatch(t, pushed, made)
}
