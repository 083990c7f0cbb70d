// Package outbox relays events that a service wrote to its table outbox in the same database
// transaction as what they tell of, so that an event goes out if and only if that was committed.
//
// Delivery is at least once and in the order of the events: a relay that dies between
// publishing and marking publishes again, with the same ids, and consumers drop what they know.
// Of several replicas one relays at a time; the others take over when it goes away.
package outbox

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Event is something that happened.
type Event struct {
	ID         string          `db:"id"` // UUID, the same every time it is published
	Type       string          `db:"type"`
	Payload    json.RawMessage `db:"payload"`
	OccurredAt time.Time       `db:"occurred_at"`
}

// Publisher sends events to whoever listens.
type Publisher interface {
	// Publish returns once all events are durable on the other side; after an error all of them
	// are published again.
	Publish(ctx context.Context, events []Event) error
}

// Relay moves events from the table outbox of db to a publisher.
type Relay struct {
	DB        *sqlx.DB
	Publisher Publisher
	Log       *slog.Logger
	Lock      int64         // advisory lock that the relaying replica holds
	Every     time.Duration // pause when there is nothing to do, or after trouble
	Batch     int           // events published together at most
}

// Run relays until ctx ends. Trouble is logged and tried again.
func (r *Relay) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.lead(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "outbox not relayed", "error", err.Error())
		}
		pause(ctx, r.Every)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

const lockSQL = `SELECT pg_try_advisory_lock($1)`

// lead relays on a session of its own for as long as that session holds the lock.
func (r *Relay) lead(ctx context.Context) error {
	conn, err := r.DB.Connx(ctx)
	if err != nil {
		return err
	}
	// Handing the session back would keep the lock; it is closed instead.
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
	var leading bool
	if err := conn.GetContext(ctx, &leading, lockSQL, r.Lock); err != nil || !leading {
		return err
	}
	for {
		n, err := r.relay(ctx, conn)
		if err != nil {
			return err
		}
		if n < r.Batch {
			pause(ctx, r.Every)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

const (
	nextSQL = `SELECT id, type, payload, occurred_at FROM outbox WHERE published_at IS NULL ORDER BY occurred_at, id LIMIT $1`
	markSQL = `UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1)`
)

// relay publishes the next events and marks them. No transaction is open meanwhile.
func (r *Relay) relay(ctx context.Context, conn *sqlx.Conn) (int, error) {
	var events []Event
	if err := conn.SelectContext(ctx, &events, nextSQL, r.Batch); err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	if len(events) == 0 {
		return 0, nil
	}
	if err := r.Publisher.Publish(ctx, events); err != nil {
		return 0, fmt.Errorf("publish: %w", err)
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	// Published is published, also when the process is being stopped now.
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), markSQL, pq.Array(ids)); err != nil {
		return 0, fmt.Errorf("mark: %w", err)
	}
	return len(events), nil
}

const (
	purgeSQL = `DELETE FROM outbox WHERE published_at < clock_timestamp() - $1 * interval '1 second'`
	ageSQL   = `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0) FROM outbox WHERE published_at IS NULL`
)

// Purge drops events that were published longer than age ago.
func Purge(ctx context.Context, db *sqlx.DB, age time.Duration) error {
	_, err := db.ExecContext(ctx, purgeSQL, age.Seconds())
	return err
}

// Age is how long the oldest unpublished event has been waiting, in seconds; 0 when none is.
func Age(ctx context.Context, db *sqlx.DB) (float64, error) {
	var age float64
	err := db.GetContext(ctx, &age, ageSQL)
	return age, err
}

// LogPublisher publishes to the log: what a machine without a message broker does.
type LogPublisher struct{ Log *slog.Logger }

// Publish implements Publisher. It writes ids and types, not payloads.
func (p LogPublisher) Publish(ctx context.Context, events []Event) error {
	for _, e := range events {
		p.Log.DebugContext(ctx, "event", "id", e.ID, "type", e.Type, "occurred_at", e.OccurredAt)
	}
	return nil
}
