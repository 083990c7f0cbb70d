package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// programs is where the built ones are, program the platform in one process; they leave their coverage
// where the coverage gate says.
var programs, program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "micropay-e2e-")
	if err != nil {
		panic(err)
	}
	programs, program = dir, filepath.Join(dir, "micropay")
	if err := buildPrograms("auth", "transaction", "micropay"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// buildPrograms builds them as they are deployed, at once: most of what they are made of is the same.
func buildPrograms(names ...string) error {
	args := []string{"build", "-o", programs + string(filepath.Separator)}
	if os.Getenv("MICROPAY_COVERDIR") != "" {
		args = append(args, "-cover", "-covermode=atomic", "-coverpkg=github.com/micropay/micropay/...")
	}
	for _, name := range names {
		args = append(args, "github.com/micropay/micropay/"+name+"/cmd/"+name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// platform is a data directory, and the process that may be running on it.
type platform struct {
	t    *testing.T
	dir  string
	addr string // the same over restarts: tokens name their issuer
	env  []string
	cmd  *exec.Cmd
	end  chan error
}

func newPlatform(t *testing.T, env ...string) *platform {
	t.Helper()
	p := &platform{t: t, dir: t.TempDir(), addr: freeAddress(t), env: env}
	p.start()
	t.Cleanup(func() {
		p.kill()
		p.leaves()
	})
	return p
}

// leaves waits until PostgreSQL, which ends by itself after its platform was killed, writes no more.
func (p *platform) leaves() {
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(p.dir, "postgres", "data", "postmaster.pid")); err != nil {
			return
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func (p *platform) url() string { return "http://" + p.addr }

func (p *platform) environ() []string {
	return append(append(os.Environ(), p.env...), "MICROPAY_DATA="+p.dir, "LISTEN_ADDR="+p.addr, "INTERNAL_ADDR=127.0.0.1:0", "DRAIN_DELAY=500ms",
		"GOCOVERDIR="+os.Getenv("MICROPAY_COVERDIR"), "DATABASE_URL=")
}

// start starts the platform and waits until it is ready.
func (p *platform) start() {
	p.t.Helper()
	p.cmd = exec.Command(program, "serve")
	p.cmd.Env = p.environ()
	logs, err := p.cmd.StdoutPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, p.cmd.Start())
	p.end = make(chan error, 1)
	cmd, end := p.cmd, p.end
	go func() {
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			if !json.Valid(lines.Bytes()) {
				p.t.Errorf("a line of the log is not JSON: %s", lines.Text())
			}
		}
		end <- cmd.Wait()
	}()
	require.Eventually(p.t, func() bool { return p.status("/readyz") == http.StatusOK }, 30*time.Second, 20*time.Millisecond)
}

func (p *platform) status(path string) int {
	resp, err := http.Get(p.url() + path)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// kill ends the platform as a crash would.
func (p *platform) kill() {
	_ = p.cmd.Process.Kill()
	p.end <- <-p.end // whoever asks next hears it, too
}

// stop asks the platform to stop and requires a clean end.
func (p *platform) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-p.end:
		require.NoError(p.t, err, "exit status 0")
		p.end <- nil
	case <-time.After(30 * time.Second):
		p.t.Fatal("it does not stop")
	}
}

// command runs one command of the program and returns its exit status and output.
func (p *platform) command(args ...string) (int, string) {
	p.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = p.environ()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// answer is what a call was answered; Status 0 means that there was no answer.
type answer struct {
	Status int
	Body   map[string]any
	nobody bool // the connection was refused: nothing was sent
}

func (p *platform) call(token, key, method, path string, body any) answer {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequest(method, p.url()+path, bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{nobody: errors.Is(err, syscall.ECONNREFUSED)}
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}
	}
	a := answer{Status: resp.StatusCode}
	_ = json.Unmarshal(raw, &a.Body) // 204 has none
	return a
}

type body map[string]any

// person registers, logs in and returns token and first wallet.
func (p *platform) person(name string) (token, wallet string) {
	p.t.Helper()
	email, password := name+"."+uuid.NewString()[:8]+"@example.com", uuid.NewString()
	require.Equal(p.t, http.StatusCreated, p.call("", "", "POST", "/auth/register", body{"email": email, "password": password, "name": name}).Status)
	token = fmt.Sprint(p.call("", "", "POST", "/auth/login", body{"email": email, "password": password}).Body["access_token"])
	wallets := p.call(token, "", "GET", "/transaction/wallets", nil)
	require.Equal(p.t, http.StatusOK, wallets.Status, wallets.Body)
	return token, fmt.Sprint(wallets.Body["data"].([]any)[0].(map[string]any)["id"])
}

// traffic sends transfers from many at once until stopped, and writes down what became of each.
type traffic struct {
	*platform
	token, from, to string
	stopped         chan struct{}
	workers         sync.WaitGroup
	mu              sync.Mutex
	answered        map[string]string // key to id of those answered with 201
	unknown         []string          // keys of those without a definite answer
	failed          int               // of them, those that somebody was there to take
}

func (p *platform) traffic() *traffic {
	p.t.Helper()
	t := &traffic{platform: p, stopped: make(chan struct{}), answered: map[string]string{}}
	t.token, t.from = p.person("payer")
	_, t.to = p.person("payee")
	topUp := p.call(t.token, uuid.NewString(), "POST", "/transaction/topups",
		body{"wallet_id": t.from, "amount": 1_000_000, "currency": "USD", "provider": "sandbox"})
	require.Equal(p.t, http.StatusCreated, topUp.Status)
	for range 8 {
		t.workers.Go(t.work)
	}
	return t
}

func (t *traffic) work() {
	for {
		select {
		case <-t.stopped:
			return
		default:
		}
		key := uuid.NewString()
		a := t.send(key)
		t.mu.Lock()
		if a.Status == http.StatusCreated {
			t.answered[key] = fmt.Sprint(a.Body["id"])
		} else {
			t.unknown = append(t.unknown, key)
			if !a.nobody {
				t.failed++
			}
		}
		t.mu.Unlock()
		if a.Status == 0 {
			time.Sleep(5 * time.Millisecond) // nobody is there; do not spin
		}
	}
}

func (t *traffic) send(key string) answer {
	return t.call(t.token, key, "POST", "/transaction/transfers", body{"from_wallet_id": t.from, "to_wallet_id": t.to, "amount": 1, "currency": "USD"})
}

func (t *traffic) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.answered)
}

// until waits for n more answered transfers.
func (t *traffic) until(n int) {
	t.t.Helper()
	n += t.count()
	require.Eventually(t.t, func() bool { return t.count() >= n }, 30*time.Second, 5*time.Millisecond)
}

func (t *traffic) stop() {
	close(t.stopped)
	t.workers.Wait()
}
