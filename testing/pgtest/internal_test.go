package pgtest

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
)

func ping(t *testing.T, dsn string) {
	t.Helper()
	db, err := sqlx.ConnectContext(t.Context(), "postgres", dsn)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func TestChoose_EveryWayGivesAServerThatAnswers(t *testing.T) {
	t.Parallel()
	for want, says := range map[string]string{"local": " from ", "auto": "PostgreSQL ", "docker": "container of " + image} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if want == "docker" && !engineReady() {
				t.Skip("no engine here, or not the images")
			}
			dsn, how, err := choose(t.Context(), want)
			require.NoError(t, err)
			require.Contains(t, how, says)
			ping(t, dsn)
		})
	}
}

// engineReady says whether testcontainers works here without pulling anything.
func engineReady() bool {
	images := []string{image}
	if os.Getenv("TESTCONTAINERS_RYUK_DISABLED") != "true" {
		images = append(images, "testcontainers/ryuk:0.14.0")
	}
	return exec.Command("docker", append([]string{"image", "inspect"}, images...)...).Run() == nil
}

func TestSweep_DropsWhatKilledRunsLeftADayAgo(t *testing.T) {
	t.Parallel()
	h, err := sharedHost()
	require.NoError(t, err)
	old, fresh := prefix+"100_abc", prefix+strconv.FormatInt(time.Now().Unix()/3600, 10)+"_abc"
	for _, name := range []string{old, fresh} {
		_, err := h.db.ExecContext(t.Context(), "CREATE DATABASE "+name)
		require.NoError(t, err)
	}
	t.Cleanup(func() { h.drop(t, &DB{}, fresh) })
	require.NoError(t, h.sweep(t.Context()))

	var left []string
	require.NoError(t, h.db.SelectContext(t.Context(), &left, "SELECT datname FROM pg_database WHERE datname LIKE '%\\_abc'"))
	require.Equal(t, []string{fresh}, left)
}

func TestFingerprint_IsOfNamesAndContents(t *testing.T) {
	t.Parallel()
	fs := func(name, text string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(text)}} }
	seen := map[[32]byte]string{}
	for what, schemas := range map[string][]Schema{
		"nothing": nil, "no files": {{Name: "a"}}, "a": {{Name: "a", FS: fs("1.sql", "x")}}, "other text": {{Name: "a", FS: fs("1.sql", "y")}},
		"other file": {{Name: "a", FS: fs("2.sql", "x")}}, "other schema": {{Name: "b", FS: fs("1.sql", "x")}},
		"two": {{Name: "a", FS: fs("1.sql", "x")}, {Name: "b"}},
	} {
		sum, err := fingerprint(schemas)
		require.NoError(t, err)
		require.NotContains(t, seen, sum, "%s and %s", what, seen[sum])
		seen[sum] = what
	}
}

func TestChildren_AreTheBackends(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Contains(t, children(os.Getpid()), cmd.Process.Pid)
}
