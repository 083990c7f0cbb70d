package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/outbox"
	"github.com/micropay/micropay/testing/pgtest"
)

var schema = pgtest.Schema{Name: "boxes", FS: fstest.MapFS{"00001_outbox.sql": &fstest.MapFile{Data: []byte(`-- +goose Up
CREATE TABLE outbox (id uuid PRIMARY KEY, type text NOT NULL, payload jsonb NOT NULL, occurred_at timestamptz NOT NULL, published_at timestamptz);
GRANT ALL ON outbox TO micropay_boxes;
`)}}}

// box is an outbox with some events in it.
func box(t *testing.T, events int) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t, schema)
	_, err := db.App.ExecContext(t.Context(), `INSERT INTO outbox (id, type, payload, occurred_at)
		SELECT gen_random_uuid(), 'x', '{}', now() + i * interval '1 second' FROM generate_series(1, $1) i`, events)
	require.NoError(t, err)
	return db
}

// listener hears events, and refuses while told to.
type listener struct {
	mu     sync.Mutex
	heard  []outbox.Event
	refuse int
}

func (l *listener) Publish(_ context.Context, events []outbox.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse > 0 {
		l.refuse--
		return errors.New("broker away")
	}
	l.heard = append(l.heard, events...)
	return nil
}

func (l *listener) events() []outbox.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

// relay starts a relay; the returned function stops it and waits.
func relay(t *testing.T, db *pgtest.DB, p outbox.Publisher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &outbox.Relay{DB: db.App, Publisher: p, Log: slog.New(slog.DiscardHandler), Lock: 7, Every: 5 * time.Millisecond, Batch: 3}
	done := make(chan bool)
	go func() {
		r.Run(ctx)
		close(done)
	}()
	return sync.OnceFunc(func() {
		cancel()
		<-done
	})
}

func unpublished(t *testing.T, db *pgtest.DB) (n int) {
	t.Helper()
	require.NoError(t, db.App.GetContext(t.Context(), &n, `SELECT count(*) FROM outbox WHERE published_at IS NULL`))
	return n
}

func TestRelay_PublishesEveryEventInOrder(t *testing.T) {
	t.Parallel()
	db, l := box(t, 8), &listener{}
	defer relay(t, db, l)()
	require.Eventually(t, func() bool { return unpublished(t, db) == 0 }, 10*time.Second, 5*time.Millisecond)
	events := l.events()
	require.Len(t, events, 8)
	for i := 1; i < len(events); i++ {
		require.True(t, events[i].OccurredAt.After(events[i-1].OccurredAt))
	}
}

func TestRelay_LosesNothingWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	db, l := box(t, 4), &listener{refuse: 3}
	defer relay(t, db, l)()
	require.Eventually(t, func() bool { return unpublished(t, db) == 0 }, 10*time.Second, 5*time.Millisecond)
	require.Len(t, l.events(), 4)
}

func TestRelay_OneReplicaAtATime_AnotherTakesOver(t *testing.T) {
	t.Parallel()
	db, first, second := box(t, 4), &listener{}, &listener{}
	stopFirst := relay(t, db, first)
	defer stopFirst()
	require.Eventually(t, func() bool { return unpublished(t, db) == 0 }, 10*time.Second, 5*time.Millisecond)
	defer relay(t, db, second)()
	stopFirst()
	_, err := db.App.ExecContext(t.Context(), `UPDATE outbox SET published_at = NULL`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return unpublished(t, db) == 0 }, 10*time.Second, 5*time.Millisecond)
	require.Len(t, first.events(), 4)
	require.Len(t, second.events(), 4)
}

func TestAgeAndPurge(t *testing.T) {
	t.Parallel()
	db := box(t, 2)
	_, err := db.App.ExecContext(t.Context(), `UPDATE outbox SET occurred_at = now() - interval '90 seconds'`)
	require.NoError(t, err)
	age, err := outbox.Age(t.Context(), db.App)
	require.NoError(t, err)
	require.InDelta(t, 90, age, 30)
	_, err = db.App.ExecContext(t.Context(), `UPDATE outbox SET published_at = now() - interval '2 hours'`)
	require.NoError(t, err)
	require.NoError(t, outbox.Purge(t.Context(), db.App, time.Hour))
	var left int
	require.NoError(t, db.App.GetContext(t.Context(), &left, `SELECT count(*) FROM outbox`))
	require.Zero(t, left)
	age, err = outbox.Age(t.Context(), db.App)
	require.NoError(t, err)
	require.Zero(t, age)
}

func TestLogPublisher_WritesNoPayload(t *testing.T) {
	t.Parallel()
	require.NoError(t, outbox.LogPublisher{Log: slog.New(slog.DiscardHandler)}.Publish(t.Context(), []outbox.Event{{ID: "1"}}))
}
