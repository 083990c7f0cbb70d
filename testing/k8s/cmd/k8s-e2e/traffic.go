package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/micropay/micropay/testing/load"
)

// clients and pause make about 40 requests a second: little enough for two cores that also carry the
// cluster, so that a request fails for what happens to it and not for want of a processor.
const (
	clients = 8
	pause   = 200 * time.Millisecond
	timeout = 5 * time.Second
	around  = 8 * time.Second // of load before and after what happens
)

// traffic is a load under which something happens.
type traffic struct {
	*load.Load
	file *os.File
}

// start sends a request of each client every pause, and keeps what it saw as name.
func (r *run) start(ctx context.Context, name string, clients int, pause time.Duration) (*traffic, error) {
	file, err := os.Create(filepath.Join(r.dir, name+".jsonl"))
	if err != nil {
		return nil, err
	}
	t := &traffic{&load.Load{URL: r.url, Clients: clients, Every: pause, Timeout: timeout, Out: file}, file}
	if err := t.Prepare(ctx); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	t.Start(ctx)
	return t, nil
}

// wait lets the load go on.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// end stops the load, asks for all that was answered, audits the ledger, and writes down the figures.
// allowed says whether requests may have failed at all.
func (t *traffic) end(ctx context.Context, res *result, mayFail bool) error {
	sum := t.Stop()
	verdict, err := t.Verify(ctx)
	err = errors.Join(err, t.file.Close())
	if err != nil {
		return err
	}
	report, err := audit(ctx)
	res.Data["load"], res.Data["verdict"], res.Data["audit"] = sum, verdict, report
	res.Figure += fmt.Sprintf("%d failed requests of %d on %d connections", sum.Failed, sum.Sent, sum.Connections)
	if sum.Failed > 0 {
		res.Figure += fmt.Sprintf(", within %.1f s", sum.FailedFor.Seconds())
	}
	res.Figure += fmt.Sprintf("; p50 %.1f ms, p99 %.1f ms; of %d answered transfers %d lost; audit: %s", sum.P50, sum.P99, verdict.Transfers, verdict.Lost, report)
	switch {
	case err != nil:
		return err
	case verdict.Lost+verdict.Wrong > 0:
		return fmt.Errorf("%d transfers lost, %d balances wrong", verdict.Lost, verdict.Wrong)
	case sum.Failed > 0 && !mayFail:
		return fmt.Errorf("%d requests failed", sum.Failed)
	}
	return nil
}

// calm waits until no request has failed for a while, and says whether that came.
func (t *traffic) calm(ctx context.Context, quiet, patience time.Duration) error {
	return until(ctx, patience, "requests to stop failing", func() (bool, error) {
		n, last := t.Failed()
		return n == 0 && t.Elapsed() > quiet || n > 0 && t.Elapsed()-last > quiet, fmt.Errorf("%d failed, the last at %s", n, last)
	})
}
