// Package soak lets a platform work for half an hour and looks whether anything grows that should
// not: memory, goroutines, files, sessions of PostgreSQL; and whether all that was answered is there.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/pgserver"
	"github.com/micropay/micropay/testing/load"
	"github.com/micropay/micropay/testing/running"
)

// Options of a run.
type Options struct {
	Program string        // the built platform
	For     time.Duration // how long
	WarmUp  time.Duration // at its beginning, in which things may grow
	Every   time.Duration // between two samples
	Clients int
	Pause   time.Duration // between the calls of one client
	Record  string        // the folder of the evidence; empty: none is kept
}

// Main starts a durable PostgreSQL and a platform on it, loads it, and prints and records what was
// seen. Error: something grew, failed or is lost.
func Main(ctx context.Context, o Options, out io.Writer) (err error) {
	server, err := pgserver.Start(ctx, pgserver.Config{Install: true, Fetch: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	platform, err := running.Start(ctx, o.Program, server.DSN(""), "RATE_LIMIT=0", "ACCESS_TTL=12h")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, platform.Stop()) }()
	db, err := database.Open(ctx, database.Config{DSN: server.DSN(""), ApplicationName: "soak", MaxOpen: 1, StatementTimeout: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	version, _, _ := strings.Cut(server.How(), " from ") // where it is installed is nobody's business
	r := result{options: o, server: version}
	if r.samples, r.load, r.verdict, err = o.run(ctx, platform, db); err != nil {
		return err
	}
	if r.audit, err = audit.Run(ctx, db, audit.Options{}); err != nil {
		return err
	}
	if _, err := io.WriteString(out, r.text()); err != nil {
		return err
	}
	if o.Record != "" {
		if err := r.record(o.Record); err != nil {
			return err
		}
	}
	return r.judge()
}

// run loads the platform, samples it meanwhile, and asks for all that it answered.
func (o Options) run(ctx context.Context, platform *running.Platform, db *sqlx.DB) ([]Sample, load.Summary, load.Verdict, error) {
	l := &load.Load{URL: platform.URL, Clients: o.Clients, Every: o.Pause, Timeout: 5 * time.Second}
	if err := l.Prepare(ctx); err != nil {
		return nil, load.Summary{}, load.Verdict{}, err
	}
	l.Start(ctx)
	var samples []Sample
	var fault error
	next := time.NewTicker(o.Every)
	defer next.Stop()
	for l.Elapsed() < o.For && fault == nil {
		select {
		case <-ctx.Done():
			fault = ctx.Err()
		case <-next.C:
			s := Sample{At: l.Elapsed().Seconds()}
			fault = s.look(ctx, platform, db)
			samples = append(samples, s)
		}
	}
	sum := l.Stop()
	if fault != nil {
		return nil, sum, load.Verdict{}, fault
	}
	verdict, err := l.Verify(ctx)
	return samples, sum, verdict, err
}

// result is all that was seen.
type result struct {
	options Options
	server  string
	samples []Sample
	load    load.Summary
	verdict load.Verdict
	audit   *audit.Report
}

func (r result) judge() error {
	found := Judge(r.samples, r.options.WarmUp)
	for what, n := range map[string]int64{
		"requests failed": int64(r.load.Failed), "transfers are lost": int64(r.verdict.Lost), "balances are wrong": int64(r.verdict.Wrong),
		"violations": r.audit.Violations(),
	} {
		if n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, what))
		}
	}
	if len(found) > 0 {
		return errors.New(strings.Join(found, "; "))
	}
	return nil
}
