package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun_WritesTheTableAndChecksIt(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	require.NoError(t, exec.Command("git", "init", "--quiet", repo).Run())
	require.Error(t, run(t.Context(), []string{"-C", repo}, io.Discard), "there is no history yet")
	require.NoError(t, exec.Command("git", "-C", repo, "-c", "user.name=x", "-c", "user.email=x@example.com",
		"commit", "--quiet", "--allow-empty", "-m", "start").Run())
	path := filepath.Join(repo, "docs", "tdd.md")
	require.Error(t, run(t.Context(), []string{"-C", repo}, io.Discard), "there is no document")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte("<!-- cycles: written by make tdd-verify -->\n<!-- end of cycles -->\n"), 0o600))
	require.ErrorContains(t, run(t.Context(), []string{"-C", repo, "-check"}, io.Discard), "not current")
	require.NoError(t, run(t.Context(), []string{"-C", repo, "-fresh"}, io.Discard))
	require.NoError(t, run(t.Context(), []string{"-C", repo, "-check"}, io.Discard))
	require.Error(t, run(t.Context(), []string{"-nonsense"}, io.Discard))
}
