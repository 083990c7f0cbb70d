package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Config says which server is wanted and how far Start may go to get one.
type Config struct {
	URL     string // an existing server, postgres://...; nothing is started then
	DataDir string // where the data stays; empty: a temporary directory that goes with the server

	// Fast gives up durability (fsync and friends) for speed: for tests only.
	Fast bool
	// Settings are further server settings, e.g. "max_connections": "50".
	Settings map[string]string

	BinDir  string // look for PostgreSQL's programs only here
	Install bool   // may install the distribution's package
	// Fetch may download binaries. RepositoryURL is a Maven repository holding zonky's
	// embedded-postgres-binaries (default Maven Central); CacheDir keeps what was fetched.
	Fetch                   bool
	RepositoryURL, CacheDir string

	StartTimeout time.Duration // from starting the child until it answers; default 60 s
	Log          *slog.Logger  // nil: quiet
}

// ErrInUse means that another live process runs the server of this data directory.
var ErrInUse = errors.New("another process is using this data directory")

// Server is a PostgreSQL that answers.
type Server struct {
	cfg  Config
	how  string
	base *url.URL // superuser's address, without a database

	// of a child only
	bin   string
	dir   string // holds lock, password, server.log and data/
	owner account
	lock  *os.File

	mu    sync.Mutex
	child *child // nil while stopped
}

// Start returns a server that answers queries. ctx bounds the start only: the server runs until
// Stop, so that those who use it can drain first.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.StartTimeout <= 0 {
		cfg.StartTimeout = 60 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.URL != "" {
		return given(cfg)
	}
	bin, from, err := binaries(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s, err := prepare(ctx, cfg, bin)
	if err != nil {
		return nil, err
	}
	if err := s.Resume(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.how = fmt.Sprintf("PostgreSQL %s %s, on %s, data in %s", version(ctx, bin), from, s.base.Host, s.dir)
	cfg.Log.InfoContext(ctx, "database server", "how", s.how)
	return s, nil
}

func given(cfg Config) (*Server, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The reason would repeat the address, and with it the password.
		return nil, errors.New("pgserver: the address is not of the form postgres://user:password@host:port/database")
	}
	return &Server{cfg: cfg, base: u, how: "PostgreSQL at " + u.Host + ", as configured"}, nil
}

// How says in one line which server this is.
func (s *Server) How() string { return s.how }

// BinDir is where the child's programs are (postgres, psql, pgbench ...); empty for a server that
// was given by its address.
func (s *Server) BinDir() string { return s.bin }

// DataDir is where the data is; empty for a server that was given by its address.
func (s *Server) DataDir() string { return s.dir }

// DSN is the superuser's address of a database; with "" that of the default database.
func (s *Server) DSN(database string) string {
	u := *s.base
	switch {
	case database != "":
		u.Path = "/" + database
	case u.Path == "" || u.Path == "/":
		u.Path = "/postgres"
	}
	return u.String()
}

// Resume starts a stopped child again: same data, same address. It is a no-op while it runs.
func (s *Server) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" || s.child != nil && s.child.alive() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StartTimeout)
	defer cancel()
	if s.child != nil { // it ended by itself
		s.child.bury(ctx)
		s.child = nil
	}
	if err := endStale(ctx, s.data()); err != nil {
		return err
	}
	c, port, err := s.launch(ctx)
	if err != nil {
		return err
	}
	s.child, s.base.Host = c, "127.0.0.1:"+strconv.Itoa(port)
	return nil
}

// Stop ends the server and keeps its data, unless the data was temporary. Sessions that are
// still open are cut off, their transactions rolled back. A given server is left alone.
func (s *Server) Stop(ctx context.Context) error {
	if s.dir == "" {
		return nil
	}
	err := s.Halt(ctx, Fast)
	if err != nil {
		return err // the lock stays: the data directory is still in use
	}
	return s.release()
}

// Halt ends the child but keeps the data directory reserved, so that Resume can follow.
func (s *Server) Halt(ctx context.Context, how Shutdown) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return nil
	}
	if err := s.child.stop(ctx, how); err != nil {
		return fmt.Errorf("pgserver: stop: %w", err)
	}
	s.child = nil
	return nil
}

// PID is the process id of the child's postmaster, 0 when there is none.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return 0
	}
	return s.child.cmd.Process.Pid
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) temporary() bool { return s.cfg.DataDir == "" }

func (s *Server) release() error {
	err := s.lock.Close()
	if s.temporary() {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
