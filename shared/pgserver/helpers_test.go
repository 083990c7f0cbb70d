package pgserver_test

import (
	"bytes"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/pgserver"
)

func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewJSONHandler(b, nil)) }

func password(t *testing.T, s *pgserver.Server) string {
	t.Helper()
	u, err := url.Parse(s.DSN(""))
	require.NoError(t, err)
	p, _ := u.User.Password()
	require.NotEmpty(t, p)
	return p
}

// alive says whether a process runs; one that waits for its parent to notice its end does not.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// watcher finds the process that looks after the server in dir.
func watcher(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		b, _ := os.ReadFile(file) // it may have ended since
		if strings.HasPrefix(string(b), "/bin/sh") && strings.Contains(string(b), dir) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			return pid
		}
	}
	require.Fail(t, "no watcher")
	return 0
}
