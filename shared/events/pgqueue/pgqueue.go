// Package pgqueue is a queue of events in the table queue of the service that consumes them: what
// SQS is where there is no AWS. Its words are SQS's.
package pgqueue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/micropay/micropay/shared/events"
)

// Config of a queue; all are required.
type Config struct {
	Visibility  time.Duration // a received message is hidden for so long
	MaxReceives int           // before a message is given up
	Wait        time.Duration // that Receive waits for a message
}

// Queue implements events.Queue, events.Sink and events.DeadLetters.
type Queue struct {
	Config
	db   *sqlx.DB
	wake chan struct{}
}

var (
	_ events.Queue       = (*Queue)(nil)
	_ events.Sink        = (*Queue)(nil)
	_ events.DeadLetters = (*Queue)(nil)
)

// New is the queue in the table of db.
func New(db *sqlx.DB, c Config) *Queue {
	return &Queue{Config: c, db: db, wake: make(chan struct{}, 1)}
}

const putSQL = `INSERT INTO queue (event_id, body) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT (event_id) DO NOTHING`

// Put implements events.Sink.
func (q *Queue) Put(ctx context.Context, es []events.Event) error {
	ids, bodies := make([]string, len(es)), make([]string, len(es))
	for i, e := range es {
		body, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("queue: %w", err)
		}
		ids[i], bodies[i] = e.ID, string(body)
	}
	if _, err := q.db.ExecContext(ctx, putSQL, pq.Array(ids), pq.Array(bodies)); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

const (
	// What has been handed out too often is buried when it would be next: to look for such in all
	// that waits would make each receiving dearer, the more there is.
	receiveSQL = `UPDATE queue SET dead_at = CASE WHEN receives >= $3 THEN clock_timestamp() END,
			receives = receives + (receives < $3)::int, visible_at = clock_timestamp() + $2 * interval '1 second'
		WHERE id IN (SELECT id FROM queue WHERE dead_at IS NULL AND visible_at <= clock_timestamp() ORDER BY visible_at LIMIT $1 FOR UPDATE SKIP LOCKED)
		RETURNING id, body, receives, dead_at IS NOT NULL AS dead`
)

// Receive implements events.Queue.
func (q *Queue) Receive(ctx context.Context, most int) ([]events.Message, error) {
	ms, err := q.receive(ctx, most)
	if err != nil || len(ms) > 0 {
		return ms, err
	}
	select {
	case <-ctx.Done():
		return nil, nil
	case <-q.wake:
	case <-time.After(q.Wait):
	}
	return q.receive(ctx, most)
}

func (q *Queue) receive(ctx context.Context, most int) ([]events.Message, error) {
	var rows []struct {
		ID       int64  `db:"id"`
		Body     string `db:"body"`
		Receives int    `db:"receives"`
		Dead     bool   `db:"dead"`
	}
	if err := q.db.SelectContext(ctx, &rows, receiveSQL, most, q.Visibility.Seconds(), q.MaxReceives); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	var ms []events.Message
	for _, r := range rows {
		if !r.Dead {
			ms = append(ms, events.Message{
				ID: strconv.FormatInt(r.ID, 10), Receipt: strconv.Itoa(r.Receives), Body: []byte(r.Body), Receives: r.Receives,
				Last: r.Receives >= q.MaxReceives,
			})
		}
	}
	if len(rows) > 0 && len(ms) == 0 { // all of them were buried: behind them there may be more
		return q.receive(ctx, most)
	}
	return ms, nil
}

const (
	deleteSQL  = `DELETE FROM queue WHERE id = $1`
	extendSQL  = `UPDATE queue SET visible_at = clock_timestamp() + $3 * interval '1 second' WHERE id = $1 AND receives = $2`
	deadSQL    = `SELECT count(*) FROM queue WHERE dead_at IS NOT NULL`
	redriveSQL = `UPDATE queue SET dead_at = NULL, receives = 0, visible_at = clock_timestamp()
		WHERE id IN (SELECT id FROM queue WHERE dead_at IS NOT NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)`
)

// Delete implements events.Queue.
func (q *Queue) Delete(ctx context.Context, m events.Message) error {
	_, err := q.exec(ctx, deleteSQL, m.ID)
	return err
}

// Extend implements events.Queue. A message that was handed out again since is left alone.
func (q *Queue) Extend(ctx context.Context, m events.Message, d time.Duration) error {
	_, err := q.exec(ctx, extendSQL, m.ID, m.Receipt, d.Seconds())
	return err
}

// Dead implements events.DeadLetters.
func (q *Queue) Dead(ctx context.Context) (n int, err error) {
	if err := q.db.GetContext(ctx, &n, deadSQL); err != nil {
		return 0, fmt.Errorf("queue: %w", err)
	}
	return n, nil
}

// Redrive implements events.DeadLetters.
func (q *Queue) Redrive(ctx context.Context, most int) (int, error) {
	return q.exec(ctx, redriveSQL, most)
}

func (q *Queue) exec(ctx context.Context, query string, args ...any) (int, error) {
	result, err := q.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("queue: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}
