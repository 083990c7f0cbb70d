package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/micropay/micropay/shared/pgserver"
)

// Shutdown is the manner of Server.Stop.
type Shutdown = pgserver.Shutdown

// Fast rolls back what is open; Immediate is a crash, after which the server has to recover.
const (
	Fast      = pgserver.Fast
	Immediate = pgserver.Immediate
)

// Server is a server of one test, durable as a real one, to do evil to.
type Server struct {
	t testing.TB
	s *pgserver.Server
	h *host
}

// NewServer starts a server for this test alone. It is always a child of this process, also
// where the other tests use a container.
func NewServer(t testing.TB) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	s, err := pgserver.Start(ctx, pgserver.Config{Install: true, Fetch: true, RepositoryURL: os.Getenv("MICROPAY_POSTGRES_REPOSITORY")})
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	srv := &Server{t: t, s: s}
	t.Cleanup(func() {
		srv.Thaw()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	if srv.h, err = newHost(ctx, s.DSN("")); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { _ = srv.h.db.Close() })
	return srv
}

// New is New on this server.
func (s *Server) New(t testing.TB, schemas ...Schema) *DB {
	t.Helper()
	return s.h.newDB(t, schemas)
}

// AdminDSN is the superuser's address.
func (s *Server) AdminDSN() string { return s.s.DSN("") }

// BinDir is where the server's programs are. Those that were fetched lack pg_dump.
func (s *Server) BinDir() string { return s.s.BinDir() }

// Stop ends the server; its data stays.
func (s *Server) Stop(how Shutdown) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s.must(s.s.Halt(ctx, how))
}

// Start starts a stopped server again, on the same address, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.must(s.s.Resume(context.Background()))
}

// Freeze halts all processes of the server as they stand: connections stay open, nothing answers.
func (s *Server) Freeze() {
	s.t.Helper()
	s.must(s.signal(syscall.SIGSTOP))
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() {
	s.t.Helper()
	s.must(s.signal(syscall.SIGCONT))
}

// KillBackends ends, with their transactions, all sessions but the caller's whose
// application_name or role is name; with "" all. It returns how many.
func (s *Server) KillBackends(name string) int {
	s.t.Helper()
	var n int
	s.must(s.h.db.GetContext(context.Background(), &n, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND $1::text IN ('', application_name, usename::text)`, name))
	return n
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("pgtest: %v", err)
	}
}

// signal goes to the postmaster first, so that it starts no more children, then to those.
func (s *Server) signal(sig syscall.Signal) error {
	pid := s.s.PID()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return fmt.Errorf("signal the postmaster: %w", err)
	}
	for _, child := range children(pid) {
		_ = syscall.Kill(child, sig) // it may have ended since
	}
	return nil
}

// children lists a process's children.
func children(pid int) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	if len(files) == 0 { // not Linux
		out, _ := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
		for _, field := range strings.Fields(string(out)) {
			n, _ := strconv.Atoi(field)
			pids = append(pids, n)
		}
		return pids
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// pid (name) state ppid ...; the name may hold anything
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, n)
		}
	}
	return pids
}
