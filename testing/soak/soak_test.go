package soak_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/soak"
)

// A moment of it, which is too short to judge growth by; all else is as in half an hour.
func TestMain_LoadsSamplesVerifiesAndRecords(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("what a process holds is read from Linux' /proc")
	}
	program, record := filepath.Join(t.TempDir(), "micropay"), t.TempDir()
	out, err := exec.Command("go", "build", "-o", program, "github.com/micropay/micropay/micropay/cmd/micropay").CombinedOutput()
	require.NoError(t, err, string(out))
	var report strings.Builder
	err = soak.Main(t.Context(), soak.Options{
		Program: program, For: 2 * time.Second, WarmUp: time.Minute, Every: 100 * time.Millisecond, Clients: 4, Pause: 5 * time.Millisecond, Record: record,
	}, &report)
	require.ErrorContains(t, err, "too short")
	require.Regexp(t, `[1-9]\d+ requests, 0 failed`, report.String())
	require.Regexp(t, `[1-9]\d+ transfers answered, 0 lost, 0 wrong balances`, report.String())
	require.Contains(t, report.String(), "0 violations")
	for name, want := range map[string]string{"data/soak.jsonl": `"goroutines":`, "soak.md": "0 lost", "soak-memory.svg": "<polyline", "soak-held.svg": "<polyline"} {
		text, err := os.ReadFile(filepath.Join(record, name))
		require.NoError(t, err)
		require.Contains(t, string(text), want, name)
	}
}

func TestMain_ProgramThatDoesNotStart_IsTold(t *testing.T) {
	t.Parallel()
	require.Error(t, soak.Main(t.Context(), soak.Options{Program: filepath.Join(t.TempDir(), "none"), For: time.Second}, &strings.Builder{}))
}
