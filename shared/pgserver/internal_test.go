package pgserver

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewestFirst_ByNumberNotByLetter(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, v := range []string{"9", "15", "17"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, "pg"+v, "bin"), 0o755))
	}
	var got []string
	for _, dir := range newestFirst(root + "/pg*/bin") {
		got = append(got, filepath.Base(filepath.Dir(dir)))
	}
	require.Equal(t, []string{"pg17", "pg15", "pg9"}, got)
}

func TestNoCluster_KeepsWhatSomebodyConfigured(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "postgresql-common", "createcluster.conf")
	require.NoError(t, noCluster(file))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "create_main_cluster = false\n", string(b))

	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	require.NoError(t, noCluster(file))
	b, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "mine", string(b))
}

func TestInstall_TellsAptsReason(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	require.ErrorContains(t, install(t.Context(), slog.New(slog.DiscardHandler)), "not a Debian system")

	script := "#!/bin/sh\necho \"E: asked to $*\"\n[ \"$1\" = update ]\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "apt-get"), []byte(script), 0o755))
	err := install(t.Context(), slog.New(slog.DiscardHandler))
	if os.Geteuid() != 0 {
		require.ErrorContains(t, err, "needs root")
		return
	}
	require.ErrorContains(t, err, "E: asked to install -y")
}

func TestReaches_StopsAtAPrivateParent(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "reaches-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(root)) })
	stranger := account{other: true, uid: 54321, gid: 54321}
	for mode, want := range map[os.FileMode]bool{0o755: true, 0o711: true, 0o700: false, 0o750: false} {
		require.NoError(t, os.Chmod(root, mode))
		require.Equal(t, want, stranger.reaches(filepath.Join(root, "not", "there", "yet")), mode.String())
	}
	require.NoError(t, os.Chmod(root, 0o700))
	require.True(t, account{uid: os.Getuid(), gid: os.Getgid()}.reaches(root))
}

func TestPostmaster_TornFile_IsNoServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, text := range []string{"", "x", "1\n", "-5\n", "999999999\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(text), 0o600))
		pid, err := postmaster(dir)
		require.NoError(t, err)
		require.Zero(t, pid, text)
	}
}
