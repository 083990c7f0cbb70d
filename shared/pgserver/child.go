package pgserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/lib/pq" // to ask whether the child answers
)

// Shutdown is PostgreSQL's manner of stopping.
type Shutdown syscall.Signal

// Fast rolls back what is open and leaves clean files; Immediate is a crash with recovery after.
const (
	Fast      = Shutdown(syscall.SIGINT)
	Immediate = Shutdown(syscall.SIGQUIT)
)

// child is a running postmaster and its watcher.
type child struct {
	cmd     *exec.Cmd
	watcher *exec.Cmd
	leash   io.WriteCloser // the watcher's standard input: when it closes unannounced, we died
	done    chan struct{}  // closed when the postmaster has ended
}

// watch shuts the server down when this process is gone without having said "bye". $1 data
// directory, $2 signal, $3 directory to remove after it or empty. CONT: it may have been frozen.
const watch = `trap '' HUP INT TERM QUIT
read -r word && exit 0
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then kill -s "$2" "$pid"; kill -s CONT "$pid"; fi 2>/dev/null
[ -n "$3" ] || exit 0
n=0
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ $n -lt 150 ]; do sleep 0.1; n=$((n + 1)); done
rm -rf "$3"`

// launch starts the postmaster and waits until it answers; a port taken in the meantime, or
// memory still held by a predecessor's last processes, is a reason to try again.
func (s *Server) launch(ctx context.Context) (*child, int, error) {
	var last error
	for try := 0; try < 5; try++ {
		port, err := s.port()
		if err != nil {
			return nil, 0, err
		}
		c, err := s.spawn(port)
		if err != nil {
			return nil, 0, err
		}
		if last = s.answers(ctx, c, port); last == nil {
			return c, port, nil
		}
		ended := !c.alive()
		stopped := c.stop(context.WithoutCancel(ctx), Immediate)
		if ctx.Err() != nil || !ended || stopped != nil {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(try+1) * 100 * time.Millisecond):
		}
	}
	return nil, 0, fmt.Errorf("pgserver: the server did not start: %w; its log ends: %s", last, tail(s.logFile()))
}

// port is the one used before, or a free one.
func (s *Server) port() (int, error) {
	if s.base.Port() != "" {
		return strconv.Atoi(s.base.Port())
	}
	return freePort()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("pgserver: find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) spawn(port int) (*child, error) {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	defer func() { _ = log.Close() }()

	c := &child{cmd: s.command("postgres", s.arguments(port)...), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	go func() { _ = c.cmd.Wait(); close(c.done) }()

	signal, remove := "INT", ""
	if s.temporary() {
		signal, remove = "QUIT", s.dir
	}
	c.watcher = s.owner.as(exec.Command("/bin/sh", "-c", watch, "sh", s.data(), signal, remove))
	c.watcher.Dir = "/"
	c.leash, err = c.watcher.StdinPipe()
	if err == nil {
		err = c.watcher.Start()
	}
	if err != nil {
		c.watcher = nil
		return nil, errors.Join(fmt.Errorf("pgserver: watcher: %w", err), c.stop(context.Background(), Immediate))
	}
	return c, nil
}

// command is one of PostgreSQL's programs, run as the owner of the data and with none of our
// environment: secrets in it are no business of another process.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := s.owner.as(exec.Command(filepath.Join(s.bin, name), args...))
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	return cmd
}

func (s *Server) arguments(port int) []string {
	set := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(port), "unix_socket_directories": "",
		"max_connections": "200", "timezone": "UTC", "log_timezone": "UTC", "cluster_name": "micropay",
		"password_encryption": "scram-sha-256", "log_statement": "none",
		// what an answered request relies on
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
	}
	if s.cfg.Fast {
		for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "autovacuum"} {
			set[name] = "off"
		}
		set["wal_level"], set["max_wal_senders"], set["max_wal_size"] = "minimal", "0", "4GB"
	}
	if s.temporary() { // all it has goes with its directory, whatever happens
		set["dynamic_shared_memory_type"] = "mmap"
	}
	for name, value := range s.cfg.Settings {
		set[name] = value
	}
	args := []string{"-D", s.data()}
	for name, value := range set {
		args = append(args, "--"+name+"="+value)
	}
	sort.Strings(args[2:])
	return args
}

// answers waits for the first successful query.
func (s *Server) answers(ctx context.Context, c *child, port int) error {
	u := *s.base
	u.Host, u.Path = net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), "/postgres"
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err = db.ExecContext(try, "SELECT 1")
		cancel()
		// Asked after the query: an answer counts only if it is our own child's.
		if !c.alive() {
			return errors.New("it ended at once")
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer in time: %w", err)
		case <-c.done:
		case <-time.After(15 * time.Millisecond):
		}
	}
}

func (c *child) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// stop signals the postmaster and waits for its end. When ctx ends first it goes on to an
// immediate shutdown: the files then recover at the next start.
func (c *child) stop(ctx context.Context, how Shutdown) error {
	_ = c.cmd.Process.Signal(syscall.Signal(how)) // an error only says that it has ended
	select {
	case <-c.done:
	case <-ctx.Done():
		_ = c.cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-c.done:
		case <-time.After(10 * time.Second): // it kills its own after 5
			return fmt.Errorf("process %d does not end", c.cmd.Process.Pid)
		}
	}
	c.bury(ctx)
	return nil
}

// bury sends the watcher home.
func (c *child) bury(context.Context) {
	if c.watcher == nil {
		return
	}
	_, _ = io.WriteString(c.leash, "bye\n")
	_ = c.leash.Close()
	_ = c.watcher.Wait()
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "server.log") }

// tail is the end of a text file, on one line.
func tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " | ")
}
