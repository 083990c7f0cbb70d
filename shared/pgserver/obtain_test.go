package pgserver_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/pgserver"
)

// repository serves an archive of this machine's own programs as the Maven repository of
// embedded-postgres would, and counts the archives fetched.
func repository(t *testing.T) (url string, fetched *atomic.Int64) {
	t.Helper()
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	require.NoError(t, err)
	if _, err := exec.LookPath("xz"); err != nil || len(bins) == 0 {
		t.Skip("needs a PostgreSQL and xz to make an archive of")
	}
	// Everything else is found where it was built for.
	archive := filepath.Join(t.TempDir(), "postgres.txz")
	cmd := exec.Command("tar", "-C", filepath.Dir(filepath.Dir(bins[len(bins)-1])),
		"--exclude=llvm*", "--exclude=bitcode", "-cJf", archive, "bin/postgres", "bin/initdb", "bin/pg_ctl", "lib")
	cmd.Env = append(os.Environ(), "XZ_OPT=-0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	content, err := os.ReadFile(archive)
	require.NoError(t, err)
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "postgres-linux-x86_64.txz", Method: zip.Store})
	require.NoError(t, err)
	_, err = f.Write(content)
	require.NoError(t, err)
	require.NoError(t, z.Close())

	fetched = new(atomic.Int64)
	sum := sha256.Sum256(jar.Bytes())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, ".jar.sha256"):
			_, _ = w.Write([]byte(hex.EncodeToString(sum[:])))
		case strings.HasPrefix(r.URL.Path, "/maven/io/zonky/test/postgres/embedded-postgres-binaries-"):
			fetched.Add(1)
			_, _ = w.Write(jar.Bytes())
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/maven/", fetched
}

func TestStart_NothingInstalled_FetchesOnceIntoTheCache(t *testing.T) {
	t.Parallel()
	url, fetched := repository(t)
	cfg := pgserver.Config{
		BinDir: t.TempDir(), Fetch: true, RepositoryURL: url, CacheDir: filepath.Dir(dataDir(t)), Fast: true,
	}
	for range 2 {
		s := start(t, cfg)
		require.Contains(t, s.How(), "fetched into "+cfg.CacheDir)
		require.Equal(t, "UTC", setting(t, open(t, s), "timezone"))
	}
	require.EqualValues(t, 1, fetched.Load())
}

func TestStart_RepositoryWithoutIt_SaysSo(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	_, err := pgserver.Start(t.Context(), pgserver.Config{
		BinDir: t.TempDir(), Fetch: true, RepositoryURL: srv.URL, CacheDir: t.TempDir(),
	})
	require.ErrorContains(t, err, "apt-get install postgresql")
	require.ErrorContains(t, err, "fetch PostgreSQL")
	require.NotContains(t, err.Error(), "\n")
}

func TestStart_RepositoryThatHangs_IsLeftWhenTheCallerGivesUp(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(hang) })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := pgserver.Start(ctx, pgserver.Config{
		BinDir: t.TempDir(), Fetch: true, RepositoryURL: srv.URL, CacheDir: filepath.Dir(dataDir(t)),
	})
	require.ErrorContains(t, err, "deadline exceeded")
}
