package e2e_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPlatform_DemoAuditAndRestart(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	status, story := p.command("demo", "--url", p.url())
	require.Zero(t, status, story)
	require.Contains(t, story, "sold out")
	require.Contains(t, story, "refused from then on: invalid_token")

	status, report := p.command("audit")
	require.Zero(t, status, report)
	require.Contains(t, report, "6 transfers, 12 entries: 0 violations")
	p.stop()
	status, report = p.command("audit", "--json")
	require.Zero(t, status, "a stopped platform can be audited too: %s", report)
	var read struct {
		Transfers int `json:"transfers"`
	}
	require.NoError(t, json.Unmarshal([]byte(report), &read))
	require.Equal(t, 6, read.Transfers, "nothing was lost")

	p.start()
	status, story = p.command("demo", "--url", p.url())
	require.Zero(t, status, story)
}

func TestPlatform_KilledUnderLoad_LosesNoAnswerAndDoublesNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	load := p.traffic()
	for range 2 {
		load.until(200)
		p.kill()
		p.start()
	}
	load.until(50)
	load.stop()

	for key, id := range load.answered {
		read := p.call(load.token, "", "GET", "/transaction/transfers/"+id, nil)
		require.Equal(t, http.StatusOK, read.Status, "an answered transfer is there")
		if len(key) > 0 && key[0] == '0' { // a sample of them, asked for again
			require.Equal(t, id, load.send(key).Body["id"], "and its key still answers with it")
		}
	}
	for _, key := range load.unknown {
		require.Equal(t, http.StatusCreated, load.send(key).Status, "what was unknown becomes known by repeating it")
	}
	balance := p.call(load.token, "", "GET", "/transaction/wallets/"+load.from, nil).Body["balance"].(map[string]any)["amount"]
	require.EqualValues(t, 1_000_000-len(load.answered)-len(load.unknown), balance, "each key moved money once")
	status, report := p.command("audit")
	require.Zero(t, status, report)
}

func TestPlatform_StoppedUnderLoad_FailsNoRequest(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	load := p.traffic()
	load.until(200)
	stopped := make(chan bool)
	go func() {
		p.stop()
		close(stopped)
	}()
	// What any load balancer does: it looks elsewhere once the platform is not ready.
	require.Eventually(t, func() bool { return p.status("/readyz") == http.StatusServiceUnavailable }, 10*time.Second, time.Millisecond)
	load.stop()
	<-stopped
	require.Zero(t, load.failed, "readiness ended before the port closed, and until then everybody was served")
	p.start()
	status, report := p.command("audit")
	require.Zero(t, status, report)
}

func TestCommandLine_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := &platform{t: t, dir: t.TempDir(), addr: "127.0.0.1:1"}
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"dance"}, 1, "unknown command"},
		{[]string{"serve", "now"}, 1, "unknown command"},
		{[]string{"demo", "--url", "http://127.0.0.1:1"}, 1, "make run"},
		{[]string{"audit", "--database-url", "postgres://nobody@127.0.0.1:1/x?sslmode=disable"}, 2, "audit"},
		{[]string{"audit", "--database-url", "nonsense"}, 2, "DATABASE_URL"},
		{[]string{"version"}, 0, "micropay"},
		{[]string{"--help"}, 0, "audit"},
	} {
		status, out := p.command(c.args...)
		require.Equal(t, c.status, status, "%v: %s", c.args, out)
		require.Contains(t, out, c.says)
	}
	status, out := p.command("migrate")
	require.Zero(t, status, out)
	require.Contains(t, out, "up to date")
}

func TestPlatform_WithoutAReaderOfItsLog_GoesOnServing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.kill()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // so that the child has the default, whatever we were started with
	read, write, err := os.Pipe()
	require.NoError(t, err)
	p.cmd = exec.Command(program, "serve")
	p.cmd.Env, p.cmd.Stdout = p.environ(), write
	require.NoError(t, p.cmd.Start())
	require.NoError(t, errors.Join(read.Close(), write.Close()))
	p.end = make(chan error, 1)
	cmd, end := p.cmd, p.end
	go func() { end <- cmd.Wait() }()
	require.Eventually(t, func() bool { return p.status("/readyz") == http.StatusOK }, 30*time.Second, 20*time.Millisecond)
	p.person("ann")
	p.stop()
}
