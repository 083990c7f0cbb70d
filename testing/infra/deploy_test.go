package infra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// standIn puts a program named aws on the path that says whose account it is, knows no stack, and keeps what else it was asked.
func standIn(t *testing.T) (dir, asked string) {
	t.Helper()
	dir = t.TempDir()
	asked = filepath.Join(dir, "asked")
	script := "#!/bin/sh\ncase \"$*\" in sts*) echo 111111111111; exit;; esac\necho \"$*\" >>" + asked + "\n" +
		"case \"$*\" in *--stack-name*) echo 'Stack does not exist' >&2; exit 1;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "aws"), []byte(script), 0o700)) //nolint:gosec // a program has to be executable
	return dir, asked
}

func deploy(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	//nolint:gosec // our own program
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{folder + "/deploy.sh"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestDeploy_AccountNotConfirmed_TouchesNothing(t *testing.T) {
	t.Parallel()
	dir, asked := standIn(t)
	path := "PATH=" + dir + ":" + os.Getenv("PATH")
	for name, c := range map[string]struct{ account, want string }{
		"none":    {"", "confirm it by MICROPAY_ACCOUNT=111111111111"},
		"another": {"222222222222", "the credentials are those of account 111111111111"},
	} {
		for _, action := range []string{"up", "plan", "apply", "delete", "outputs"} {
			out, err := deploy(t, []string{path, "MICROPAY_ACCOUNT=" + c.account}, action, "sandbox", "network")
			require.Errorf(t, err, "%s %s", name, action)
			require.Contains(t, out, c.want)
		}
	}
	require.NoFileExists(t, asked, "AWS was asked for more than who it is")
}

func TestDeploy_UnknownWords_AreRefused(t *testing.T) {
	t.Parallel()
	dir, asked := standIn(t)
	env := []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "MICROPAY_ACCOUNT=111111111111"}
	for want, args := range map[string]string{
		"no stage staging":              "up staging",
		"no layer cluster":              "plan sandbox cluster",
		"infra/deploy.sh plan":          "plan sandbox",
		"infra/deploy.sh apply":         "",
		"has no parameter NatPerRegion": "plan sandbox network --set network.NatPerRegion=1",
	} {
		out, err := deploy(t, env, strings.Fields(args)...)
		require.Errorf(t, err, "%s", args)
		require.Contains(t, out, want)
	}
	told, err := os.ReadFile(asked) //nolint:gosec // of this test
	require.NoError(t, err)
	for line := range strings.Lines(string(told)) {
		require.Contains(t, line, "describe-stacks", "nothing but questions")
	}
}
