package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/shared/events"
)

const (
	ageSQL = `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(o.occurred_at)), 0) FROM outbox_shard s CROSS JOIN LATERAL (
		SELECT occurred_at FROM outbox WHERE shard = s.shard AND published_at IS NULL ORDER BY seq LIMIT 1) o`
	backlogSQL = `SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL LIMIT 100000) o`
)

// Measure makes metrics of how far the outbox of db is behind. -1 means not known.
func Measure(reg prometheus.Registerer, db *sqlx.DB) {
	gauge := func(name, help, query string) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			var value float64
			if err := db.GetContext(ctx, &value, query); err != nil {
				return -1
			}
			return value
		}))
	}
	gauge("outbox_oldest_unpublished_seconds", "How long the oldest event has been waiting to be published.", ageSQL)
	gauge("outbox_unpublished", "Events waiting to be published, up to 100000.", backlogSQL)
}

// Backlog tells how many events wait to be published, up to 100,000, and how long the oldest has, in
// seconds.
func Backlog(ctx context.Context, db *sqlx.DB) (waiting int, oldest float64, err error) {
	if err := db.GetContext(ctx, &waiting, backlogSQL); err != nil {
		return 0, 0, fmt.Errorf("outbox: %w", err)
	}
	if err := db.GetContext(ctx, &oldest, ageSQL); err != nil {
		return 0, 0, fmt.Errorf("outbox: %w", err)
	}
	return waiting, oldest, nil
}

// LogPublisher publishes to the log: what a service does that was told of nobody to publish to.
type LogPublisher struct{ Log *slog.Logger }

// Publish implements events.Publisher. It writes ids and types, not data.
func (p LogPublisher) Publish(ctx context.Context, es []events.Event) (published []string, err error) {
	for _, e := range es {
		p.Log.DebugContext(ctx, "event", "id", e.ID, "type", e.Type, "time", e.Time)
		published = append(published, e.ID)
	}
	return published, nil
}
