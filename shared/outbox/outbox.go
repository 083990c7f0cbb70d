// Package outbox relays events that a service wrote to its table outbox in the same database
// transaction as what they tell of, so that an event goes out if and only if that was committed.
//
// Delivery is at least once: a relay that dies between publishing and marking leaves events that
// are published again, with the same ids, and consumers drop what they know. Events of one key
// are published in their order. For that the keys are spread over shards, and a shard is relayed
// by the replica that leases it; many replicas share the shards.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/trouble"
)

// Relay moves events from the table outbox of db to a publisher.
type Relay struct {
	DB        *sqlx.DB
	Publisher events.Publisher
	Source    string // of the events, e.g. /micropay/auth
	Log       *slog.Logger
	Registry  prometheus.Registerer
	Every     time.Duration // pause when there is nothing to do, or after trouble
	Batch     int           // events of a shard published together at most
	Lease     time.Duration // a replica that went away holds its shards up for so long
	// DSN and Channel say where a commit wakes the relay (LISTEN); without them it only looks
	// every now and then, as it also does when the line breaks.
	DSN, Channel string

	published prometheus.Counter
}

// shardsAtOnce leaves half of the 16 shards to another replica.
const shardsAtOnce = 8

// Run relays until ctx ends. Trouble is logged and tried again.
func (r *Relay) Run(ctx context.Context) {
	r.published = prometheus.NewCounter(prometheus.CounterOpts{Name: "outbox_published_total", Help: "Events published."})
	r.Registry.MustRegister(r.published)
	wake, stop := r.listen(ctx)
	defer stop()
	for outage := (trouble.Line{}); ctx.Err() == nil; {
		more, err := r.relay(ctx)
		if ctx.Err() == nil {
			outage.Heard(ctx, r.Log, "outbox not relayed", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-wake:
			if err != nil { // waking does not mend what is broken
				pause(ctx, r.Every)
			}
		case <-time.After(r.Every):
		}
	}
}

// listen hears of commits; nil is never heard of.
func (r *Relay) listen(ctx context.Context) (wake <-chan *pq.Notification, stop func()) {
	if r.DSN == "" {
		return nil, func() {}
	}
	l := pq.NewListener(r.DSN, time.Second, time.Minute, nil)
	context.AfterFunc(ctx, func() { _ = l.Close() }) // it may still be waiting for the server
	go func() {
		if err := l.Listen(r.Channel); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "no wake-up by the database", "error", err.Error())
		}
	}()
	return l.NotificationChannel(), func() { _ = l.Close() }
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

const (
	leaseSQL = `UPDATE outbox_shard SET leased_until = clock_timestamp() + $2 * interval '1 second', fence = fence + 1
		WHERE shard IN (
			SELECT s.shard FROM outbox_shard s
			WHERE s.leased_until <= clock_timestamp() AND EXISTS (SELECT FROM outbox o WHERE o.shard = s.shard AND o.published_at IS NULL)
			ORDER BY s.leased_until LIMIT $1 FOR UPDATE SKIP LOCKED)
		RETURNING shard, fence`
	releaseSQL = `UPDATE outbox_shard s SET leased_until = clock_timestamp() FROM unnest($1::smallint[], $2::bigint[]) l (shard, fence)
		WHERE s.shard = l.shard AND s.fence = l.fence`
)

type lease struct {
	Shards []int64
	fences []int64
}

// relay leases shards that have something to publish, publishes it and lets them go. more says
// that there may be more to do at once.
func (r *Relay) relay(ctx context.Context) (more bool, err error) {
	began := time.Now()
	l, err := r.lease(ctx)
	if err != nil || len(l.Shards) == 0 {
		return false, err
	}
	defer func() {
		// Leases are given back also when the process is being stopped.
		if _, e := r.DB.ExecContext(context.WithoutCancel(ctx), releaseSQL, pq.Array(l.Shards), pq.Array(l.fences)); e != nil {
			err = errors.Join(err, fmt.Errorf("release: %w", e))
		}
	}()
	// What is under way when the lease ends could overtake what the next one publishes.
	ctx, cancel := context.WithDeadline(ctx, began.Add(r.Lease*3/4))
	defer cancel()
	for time.Since(began) < r.Lease/2 {
		n, err := r.publish(ctx, l.Shards)
		if err != nil || n == 0 {
			return true, err
		}
	}
	return true, nil
}

func (r *Relay) lease(ctx context.Context) (l lease, err error) {
	var rows []struct {
		Shard int64 `db:"shard"`
		Fence int64 `db:"fence"`
	}
	if err := r.DB.SelectContext(ctx, &rows, leaseSQL, shardsAtOnce, r.Lease.Seconds()); err != nil {
		return l, fmt.Errorf("lease: %w", err)
	}
	for _, row := range rows {
		l.Shards, l.fences = append(l.Shards, row.Shard), append(l.fences, row.Fence)
	}
	return l, nil
}

const (
	nextSQL = `SELECT o.* FROM unnest($1::smallint[]) s (shard) CROSS JOIN LATERAL (
			SELECT seq, id, type, subject, sequence, key, payload, occurred_at FROM outbox
			WHERE shard = s.shard AND published_at IS NULL ORDER BY seq LIMIT $2) o
		ORDER BY o.seq`
	markSQL = `UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1)`
)

// publish publishes the next events of some shards and marks them. No transaction is open meanwhile.
func (r *Relay) publish(ctx context.Context, shards []int64) (int, error) {
	var rows []struct {
		Seq        int64     `db:"seq"`
		ID         string    `db:"id"`
		Type       string    `db:"type"`
		Subject    string    `db:"subject"`
		Sequence   int64     `db:"sequence"`
		Key        string    `db:"key"`
		Payload    []byte    `db:"payload"`
		OccurredAt time.Time `db:"occurred_at"`
	}
	if err := r.DB.SelectContext(ctx, &rows, nextSQL, pq.Array(shards), r.Batch); err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	es := make([]events.Event, len(rows))
	for i, row := range rows {
		es[i] = events.Event{
			ID: row.ID, Type: row.Type, Source: r.Source, Subject: row.Subject, Sequence: row.Sequence, Key: row.Key,
			Time: row.OccurredAt.UTC(), Data: row.Payload,
		}
	}
	published, err := r.Publisher.Publish(ctx, es)
	if err != nil {
		err = fmt.Errorf("publish: %w", err)
	}
	// Published is published, also when the process is being stopped now.
	if _, e := r.DB.ExecContext(context.WithoutCancel(ctx), markSQL, pq.Array(published)); e != nil {
		return 0, errors.Join(err, fmt.Errorf("mark: %w", e))
	}
	r.published.Add(float64(len(published)))
	if r.Log.Enabled(ctx, slog.LevelDebug) {
		for _, e := range es {
			if slices.Contains(published, e.ID) {
				r.Log.DebugContext(ctx, "event published", "id", e.ID, "type", e.Type)
			}
		}
	}
	return len(published), err
}

const purgeSQL = `DELETE FROM outbox WHERE published_at < clock_timestamp() - $1 * interval '1 second'`

// Purge drops events that were published longer than age ago.
func Purge(ctx context.Context, db *sqlx.DB, age time.Duration) error {
	_, err := db.ExecContext(ctx, purgeSQL, age.Seconds())
	return err
}
