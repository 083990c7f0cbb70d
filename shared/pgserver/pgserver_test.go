package pgserver_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/pgserver"
)

func start(t *testing.T, cfg pgserver.Config) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return s
}

func open(t *testing.T, s *pgserver.Server) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", s.DSN(""))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func setting(t *testing.T, db *sql.DB, name string) string {
	t.Helper()
	var value string
	require.NoError(t, db.QueryRowContext(t.Context(), "SHOW "+name).Scan(&value))
	return value
}

// dataDir is a directory that an unprivileged user can get to, unlike t.TempDir for root.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgserver-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "postgres")
}

func TestStart_KeepsItsDataAcrossRuns(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)

	first, err := pgserver.Start(t.Context(), pgserver.Config{DataDir: dir})
	require.NoError(t, err)
	_, err = open(t, first).ExecContext(t.Context(), "CREATE TABLE kept AS SELECT 42 AS answer")
	require.NoError(t, err)
	require.NoError(t, first.Stop(t.Context()))

	var answer int
	second := start(t, pgserver.Config{DataDir: dir})
	require.NoError(t, open(t, second).QueryRowContext(t.Context(), "SELECT answer FROM kept").Scan(&answer))
	require.Equal(t, 42, answer)
}

func TestStart_IsDurableUnlessFast(t *testing.T) {
	t.Parallel()
	for name, want := range map[bool]string{false: "on", true: "off"} {
		t.Run(fmt.Sprintf("fast=%v", name), func(t *testing.T) {
			t.Parallel()
			db := open(t, start(t, pgserver.Config{Fast: name}))
			for _, s := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
				require.Equal(t, want, setting(t, db, s), s)
			}
		})
	}
}

func TestStart_SaysWhichServerItChose(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := start(t, pgserver.Config{Fast: true, Log: logTo(&log)})

	require.Regexp(t, `^PostgreSQL \d+.* from /.*/bin, on 127\.0\.0\.1:\d+, data in /`, s.How())
	require.Contains(t, log.String(), s.DataDir())
	require.NotContains(t, log.String(), password(t, s), "a password must not be logged")
}

func TestStart_GivenAddress_IsUsedAsItIs(t *testing.T) {
	t.Parallel()
	s, err := pgserver.Start(t.Context(), pgserver.Config{URL: "postgres://u:pw@db.example:5433/bank?sslmode=require"})
	require.NoError(t, err)

	require.Equal(t, "postgres://u:pw@db.example:5433/bank?sslmode=require", s.DSN(""))
	require.Equal(t, "postgres://u:pw@db.example:5433/other?sslmode=require", s.DSN("other"))
	require.Equal(t, "PostgreSQL at db.example:5433, as configured", s.How())
	require.Zero(t, s.PID())
	require.Empty(t, s.DataDir())
	require.NoError(t, s.Resume(t.Context()))
	require.NoError(t, s.Halt(t.Context(), pgserver.Fast))
	require.NoError(t, s.Stop(t.Context()))
}

func TestStart_BadAddress_IsRefusedWithoutRepeatingThePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://u:s3cret@h:port/x", "mysql://u:s3cret@h/x", "%zz s3cret"} {
		_, err := pgserver.Start(t.Context(), pgserver.Config{URL: url})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestStart_SameDataTwiceAtOnce_IsRefused(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	start(t, pgserver.Config{DataDir: dir, Fast: true})

	_, err := pgserver.Start(t.Context(), pgserver.Config{DataDir: dir, Fast: true})
	require.ErrorIs(t, err, pgserver.ErrInUse)
}

func TestStart_NothingToRun_SaysWhatToInstall(t *testing.T) {
	t.Parallel()
	_, err := pgserver.Start(t.Context(), pgserver.Config{BinDir: t.TempDir(), Install: true})
	require.ErrorContains(t, err, "apt-get install postgresql")
	require.NotContains(t, err.Error(), "\n")
}

func TestStart_SettingRefused_TellsTheServersOwnReason(t *testing.T) {
	t.Parallel()
	_, err := pgserver.Start(t.Context(), pgserver.Config{Fast: true, Settings: map[string]string{"no_such_setting": "1"}})
	require.ErrorContains(t, err, "no_such_setting")
}

func TestStart_CallerGaveUp_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := dataDir(t)
	_, err := pgserver.Start(ctx, pgserver.Config{DataDir: dir, Fast: true})
	require.Error(t, err)

	start(t, pgserver.Config{DataDir: dir, Fast: true}) // and the next start is not in its way
}

func TestResume_AfterACrash_HasWhatWasCommitted(t *testing.T) {
	t.Parallel()
	s := start(t, pgserver.Config{DataDir: dataDir(t)})
	address := s.DSN("")
	_, err := open(t, s).ExecContext(t.Context(), "CREATE TABLE kept AS SELECT 1")
	require.NoError(t, err)

	require.NoError(t, s.Halt(t.Context(), pgserver.Immediate))
	require.Zero(t, s.PID())
	require.NoError(t, s.Resume(t.Context()))

	require.Equal(t, address, s.DSN(""), "who knew the address must find it again")
	_, err = open(t, s).ExecContext(t.Context(), "TABLE kept")
	require.NoError(t, err)
}

func TestResume_AfterTheServerWasKilled(t *testing.T) {
	t.Parallel()
	s := start(t, pgserver.Config{Fast: true})
	pid := s.PID()
	require.NoError(t, syscall.Kill(pid, syscall.SIGQUIT))
	// Until the end has been noticed there is nothing to resume.
	require.Eventually(t, func() bool { return s.Resume(t.Context()) == nil && s.PID() != pid }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, "UTC", setting(t, open(t, s), "timezone"))
}

func TestStop_TemporaryServer_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s, err := pgserver.Start(t.Context(), pgserver.Config{Fast: true})
	require.NoError(t, err)
	pid := s.PID()
	require.NoError(t, s.Stop(t.Context()))

	require.NoDirExists(t, s.DataDir())
	require.False(t, alive(pid))
}

func TestStart_Root_RunsTheServerAsSomebodyElse(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("for root only")
	}
	home, err := os.MkdirTemp("", "roots-home-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) }) // made with 0700, as root's home is
	wanted := filepath.Join(home, "project", ".micropay")

	s := start(t, pgserver.Config{DataDir: wanted, Fast: true})
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(s.DataDir())) })
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	require.NoError(t, err)
	require.NotRegexp(t, `(?m)^Uid:\s+0`, string(status))
	require.True(t, strings.HasPrefix(s.DataDir(), "/var/lib/micropay/"), s.DataDir())

	info, err := os.Stat(s.DataDir())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

// The helper process of the tests below: it starts a server, says where, and waits to be killed.
func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv("PGSERVER_TEST_CHILD"); ok {
		s, err := pgserver.Start(context.Background(), pgserver.Config{DataDir: dir, Fast: dir == ""})
		fmt.Println("started", s.PID(), s.DataDir(), err)
		select {}
	}
	os.Exit(m.Run())
}

// killedOwner runs a process that owns a server, kills it, and tells the server's process id.
func killedOwner(t *testing.T, dir string, before func(pid int)) (pid int, data string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PGSERVER_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var failed string
	_, err = fmt.Fscan(out, &failed, &pid, &data)
	require.NoError(t, err)
	before(pid)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	return pid, data
}

func TestOwnerKilled_ServerIsShutDownProperly(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pid, _ := killedOwner(t, dir, func(int) {})
	require.Eventually(t, func() bool { return !alive(pid) }, 20*time.Second, 20*time.Millisecond)

	log, err := os.ReadFile(filepath.Join(dir, "server.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "fast shutdown")
	start(t, pgserver.Config{DataDir: dir})
}

func TestOwnerKilled_TemporaryFilesGoToo_EvenWhenFrozen(t *testing.T) {
	t.Parallel()
	pid, data := killedOwner(t, "", func(pid int) { require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP)) })
	require.Eventually(t, func() bool {
		_, err := os.Stat(data)
		return os.IsNotExist(err) && !alive(pid)
	}, 20*time.Second, 20*time.Millisecond)
}

func TestStart_ServerThatOutlivedItsOwner_IsShutDownFirst(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pid, _ := killedOwner(t, dir, func(pid int) {
		require.NoError(t, syscall.Kill(watcher(t, dir), syscall.SIGKILL))
	})
	require.True(t, alive(pid))

	s := start(t, pgserver.Config{DataDir: dir})
	require.False(t, alive(pid))
	require.NotEqual(t, pid, s.PID())
}

func TestStart_LeftOverPidOfAnotherProcess_IsNotKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s, err := pgserver.Start(t.Context(), pgserver.Config{DataDir: dir})
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
	bystander := exec.Command("sleep", "60")
	require.NoError(t, bystander.Start())
	t.Cleanup(func() { _ = bystander.Process.Kill(); _ = bystander.Wait() })
	left := filepath.Join(dir, "data", "postmaster.pid")
	require.NoError(t, os.WriteFile(left, []byte(strconv.Itoa(bystander.Process.Pid)+"\n"+dir+"/data\n"), 0o600))
	data, err := os.Stat(filepath.Join(dir, "data"))
	require.NoError(t, err)
	st := data.Sys().(*syscall.Stat_t)
	require.NoError(t, os.Chown(left, int(st.Uid), int(st.Gid)))

	_, err = pgserver.Start(t.Context(), pgserver.Config{DataDir: dir, StartTimeout: 10 * time.Second})
	_ = err // PostgreSQL itself may refuse as long as the number is taken; what matters:
	require.True(t, alive(bystander.Process.Pid))
}
