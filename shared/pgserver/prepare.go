package pgserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const superuser = "postgres"

// prepare makes the data directory usable: reserved for us, owned by the right user, initialised.
func prepare(ctx context.Context, cfg Config, bin string) (_ *Server, err error) {
	s := &Server{cfg: cfg, bin: bin}
	if s.owner, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.dir, err = s.owner.directory(cfg); err != nil {
		return nil, err
	}
	if s.lock, err = reserve(filepath.Join(s.dir, "lock")); err != nil {
		return nil, err
	}
	password, err := s.initialise(ctx)
	if err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.base = &url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password),
		Host: "127.0.0.1", RawQuery: "sslmode=disable",
	}
	return s, nil
}

// reserve takes the directory for this process. The kernel gives it back however we end.
func reserve(file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("pgserver: %s: %w", filepath.Dir(file), ErrInUse)
		}
		return nil, fmt.Errorf("pgserver: lock %s: %w", file, err)
	}
	return f, nil
}

// initialise makes the cluster if there is none yet and returns the superuser's password.
// initdb works in a directory of another name, so that half a cluster never passes for one.
func (s *Server) initialise(ctx context.Context) (string, error) {
	file := filepath.Join(s.dir, "password")
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); err == nil {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("pgserver: the password of the data in %s: %w", s.dir, err)
		}
		return strings.TrimSpace(string(b)), s.sameVersion(ctx)
	}
	password := rand.Text()
	if err := s.owner.write(file, password); err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	making := filepath.Join(s.dir, "data.making")
	if err := os.RemoveAll(making); err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	args := []string{
		"-D", making, "-U", superuser, "--pwfile=" + file, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions",
	}
	if s.cfg.Fast {
		args = append(args, "--no-sync", "--wal-segsize=4")
	}
	cmd := s.command("initdb", args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := runCmd(ctx, cmd); err != nil {
		return "", fmt.Errorf("pgserver: initdb: %w: %s", err, strings.TrimSpace(out.String()))
	}
	if err := os.Rename(making, s.data()); err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	return password, nil
}

// sameVersion refuses data of another major version in words, before the server does in its log.
func (s *Server) sameVersion(ctx context.Context) error {
	b, err := os.ReadFile(filepath.Join(s.data(), "PG_VERSION"))
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	have, want := strings.TrimSpace(string(b)), version(ctx, s.bin)
	if major, _, _ := strings.Cut(want, "."); major != have {
		return fmt.Errorf("pgserver: the data in %s is of PostgreSQL %s, the programs in %s are of %s: "+
			"install PostgreSQL %s, or move the data by pg_dump", s.dir, have, s.bin, want, have)
	}
	return nil
}

// endStale shuts down a server that outlived an earlier process on the same data. That the
// directory is reserved for us says that nobody else is in charge of it.
func endStale(ctx context.Context, data string) error {
	pid, err := postmaster(data)
	if err != nil || pid == 0 {
		return err
	}
	_ = syscall.Kill(pid, syscall.SIGINT)
	_ = syscall.Kill(pid, syscall.SIGCONT)
	for {
		if pid, err := postmaster(data); err != nil || pid == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("pgserver: an earlier server (process %d) on %s does not end: %w", pid, data, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// postmaster is the process id of a live server on data, 0 if there is none: the file may be
// left over from a crash and its number since given to somebody else's process.
func postmaster(data string) (int, error) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("pgserver: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 1 || !strings.Contains(commandLine(pid), data) {
		return 0, nil //nolint:nilerr // a torn file is no server
	}
	return pid, nil
}
