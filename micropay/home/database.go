package home

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/pgserver"
)

// Database is a PostgreSQL to work with, by its administrator's address.
type Database struct {
	DSN string
	How string // which one it is, in words
	// Started says that it runs only because of this process: nobody else is at work on it.
	Started bool

	server *pgserver.Server // nil when somebody else runs it
	done   func()
}

// name of the platform's database on a server of its own.
const databaseName = "postgres"

// Options say where a database may come from.
type Options struct {
	URL           string // a server that is there already
	RepositoryURL string // of PostgreSQL's binaries, for a machine that has none
	Log           *slog.Logger
}

// Own starts the platform's database, or takes the given one.
func (h *Home) Own(ctx context.Context, o Options) (*Database, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return h.start(ctx, o)
}

// Borrow gives a command of its own a database: the given one, that of the running platform, or
// the stopped platform's, which is started meanwhile. One command at a time may do that last.
func (h *Home) Borrow(ctx context.Context, o Options) (*Database, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return nil, err
	}
	d, err := h.start(ctx, o)
	switch {
	case errors.Is(err, pgserver.ErrInUse):
		defer done()
		return h.running(ctx)
	case err != nil:
		done()
		return nil, err
	case !d.Started:
		done()
		return d, nil
	}
	d.done = done
	return d, nil
}

func (h *Home) start(ctx context.Context, o Options) (*Database, error) {
	server, err := pgserver.Start(ctx, pgserver.Config{
		URL: o.URL, DataDir: h.Path("postgres"), Install: true, Fetch: true, RepositoryURL: o.RepositoryURL, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	d := &Database{DSN: server.DSN(""), How: server.How(), Started: o.URL == "", server: server, done: func() {}}
	if !d.Started {
		return d, nil
	}
	d.DSN = server.DSN(databaseName)
	if err := os.WriteFile(h.Path("database"), []byte(d.DSN+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory: %w", err), d.Stop(context.WithoutCancel(ctx)))
	}
	return d, nil
}

// running is the database that another process runs: it left the address behind.
func (h *Home) running(ctx context.Context) (*Database, error) {
	text, err := os.ReadFile(h.Path("database"))
	if err != nil {
		return nil, fmt.Errorf("the database is running, but its address is not known: %w", err)
	}
	d := &Database{DSN: strings.TrimSpace(string(text)), How: "the running platform's PostgreSQL", done: func() {}}
	db, err := database.Open(ctx, database.Config{DSN: d.DSN, MaxOpen: 1})
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for { // it may be starting
		_, err := db.ExecContext(ctx, "SELECT 1")
		if err == nil {
			return d, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the running platform's database does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Keep restarts the server when it dies, until ctx ends. A given one is somebody else's care.
func (d *Database) Keep(ctx context.Context, log *slog.Logger) {
	if !d.Started {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(500 * time.Millisecond):
		}
		if pid := d.server.PID(); ctx.Err() == nil {
			if err := d.server.Resume(ctx); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "database server not started again", "error", err.Error())
			} else if d.server.PID() != pid {
				log.WarnContext(ctx, "database server had died and was started again")
			}
		}
	}
}

// Stop ends a server that this process started, and leaves others alone.
func (d *Database) Stop(ctx context.Context) error {
	defer d.done()
	if !d.Started {
		return nil
	}
	return d.server.Stop(ctx)
}
