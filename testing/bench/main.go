package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/micropay/micropay/shared/pgserver"
	"github.com/micropay/micropay/testing/running"
)

// Options of the comparison.
type Options struct {
	Program string // the built platform
	Wallets int
	Rounds  int
	Seconds int
}

// The load: as many clients as pgbench can use well, as many connections as a gateway opens.
const (
	sqlClients      = 32
	restConnections = 64
	people          = 100
)

// Main starts a durable PostgreSQL and a platform on it, compares, and prints.
func Main(ctx context.Context, o Options, out io.Writer) (err error) {
	server, err := pgserver.Start(ctx, pgserver.Config{Install: true, Fetch: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	program, err := pgbench(server.BinDir())
	if err != nil {
		return err
	}
	if err := emptyDatabase(ctx, server.DSN("")); err != nil {
		return err
	}
	r := &REST{Wallets: o.Wallets, People: min(people, o.Wallets), Connections: restConnections}
	platform, err := running.Start(ctx, o.Program, server.DSN(""), "RATE_LIMIT=0", "WALLET_LIMIT="+strconv.Itoa(1+o.Wallets/r.People),
		"ACCESS_TTL=12h", "LOGIN_ADDRESS_FREE_ATTEMPTS=1000000")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, platform.Stop()) }()
	r.URL = platform.URL
	s := SQL{
		Program: program, DSN: server.DSN("pgbench"), Accounts: o.Wallets, Clients: sqlClients,
	}
	_, _ = fmt.Fprintf(out, "%s\n%d wallets; SQL: pgbench, %d clients; REST: %d connections; %d rounds of %d s, in turn\n",
		server.How(), o.Wallets, s.Clients, r.Connections, o.Rounds, o.Seconds)
	results, err := Compare(ctx, s, r, Plan{Rounds: o.Rounds, Seconds: o.Seconds, Report: func(p Pattern, side string, f Figures) {
		_, _ = fmt.Fprintf(out, "  %-14s  %-18s  %6.0f transfers/s\n", p, side, f.PerSecond())
	}})
	if err != nil {
		return err
	}
	return Print(out, results)
}

// ErrNoPgbench says that there is nothing to compare with.
var ErrNoPgbench = errors.New("install PostgreSQL's pgbench (Debian: postgresql-contrib)")

// pgbench is looked for beside the server's own programs, then on PATH.
func pgbench(dir string) (string, error) {
	if real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
		if beside := filepath.Join(filepath.Dir(real), "pgbench"); exec.Command(beside, "--version").Run() == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath("pgbench")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoPgbench, err)
	}
	return path, nil
}

func emptyDatabase(ctx context.Context, dsn string) error {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, "CREATE DATABASE pgbench")
	return err
}
