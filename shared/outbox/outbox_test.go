package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/outbox"
	"github.com/micropay/micropay/testing/pgtest"
)

var schema = pgtest.Schema{Name: "boxes", FS: fstest.MapFS{"00001_outbox.sql": &fstest.MapFile{Data: []byte(`-- +goose Up
CREATE TABLE outbox (
    id uuid PRIMARY KEY, type text NOT NULL, subject text NOT NULL, sequence bigint NOT NULL, key text NOT NULL, payload jsonb NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(), published_at timestamptz,
    seq bigint GENERATED ALWAYS AS IDENTITY, shard smallint NOT NULL GENERATED ALWAYS AS (hashtext(key) & 15) STORED
);
CREATE INDEX outbox_unpublished ON outbox (shard, seq) WHERE published_at IS NULL;
CREATE TABLE outbox_shard (shard smallint PRIMARY KEY, leased_until timestamptz NOT NULL DEFAULT '-infinity', fence bigint NOT NULL DEFAULT 0);
INSERT INTO outbox_shard (shard) SELECT generate_series(0, 15);
-- +goose StatementBegin
CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify(TG_TABLE_SCHEMA || '_outbox', ''); RETURN NULL; END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_wakes_relay AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();
GRANT ALL ON outbox, outbox_shard TO micropay_boxes;
`)}}}

// box is an outbox with some events in it, of three keys.
func box(t *testing.T, n int) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t, schema)
	add(t, db, n)
	return db
}

func add(t *testing.T, db *pgtest.DB, n int) {
	t.Helper()
	_, err := db.App.ExecContext(t.Context(), `INSERT INTO outbox (id, type, subject, sequence, key, payload)
		SELECT gen_random_uuid(), $2, 's', i, 'key ' || i % 3, jsonb_build_object('n', i) FROM generate_series(1, $1) i`, n, events.TransferPosted)
	require.NoError(t, err)
}

// listener hears events, and refuses while told to.
type listener struct {
	mu      sync.Mutex
	heard   []events.Event
	refuse  int // so many times, of all
	refusal func(n int) error
	partial bool // take one event of each call only
	hang    chan struct{}
}

func (l *listener) Publish(ctx context.Context, es []events.Event) (ids []string, err error) {
	if l.hang != nil {
		select {
		case <-l.hang:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse > 0 {
		l.refuse--
		if l.refusal != nil {
			return nil, l.refusal(l.refuse)
		}
		return nil, errors.New("broker away")
	}
	if l.partial && len(es) > 1 {
		es, err = es[:1], errors.New("only one was taken")
	}
	l.heard = append(l.heard, es...)
	for _, e := range es {
		ids = append(ids, e.ID)
	}
	return ids, err
}

func (l *listener) events() []events.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

// requireOrder demands that the events of each key came in their order.
func requireOrder(t *testing.T, es []events.Event) {
	t.Helper()
	last := map[string]int64{}
	for _, e := range es {
		require.Greater(t, e.Sequence, last[e.Key], "key %s", e.Key)
		last[e.Key] = e.Sequence
	}
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) count(text string) int { return strings.Count(l.String(), text) }

type option func(*outbox.Relay)

// relay starts a relay; the returned function stops it and waits.
func relay(t *testing.T, db *pgtest.DB, p events.Publisher, options ...option) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &outbox.Relay{
		DB: db.App, Publisher: p, Source: "/micropay/boxes", Log: slog.New(slog.DiscardHandler), Every: 5 * time.Millisecond, Batch: 3,
		Lease: time.Minute, Registry: prometheus.NewRegistry(),
	}
	for _, o := range options {
		o(r)
	}
	done := make(chan bool)
	go func() {
		r.Run(ctx)
		close(done)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

func unpublished(t *testing.T, db *pgtest.DB) (n int) {
	t.Helper()
	require.NoError(t, db.App.GetContext(t.Context(), &n, `SELECT count(*) FROM outbox WHERE published_at IS NULL`))
	return n
}

func requireAllPublished(t *testing.T, db *pgtest.DB) {
	t.Helper()
	require.Eventually(t, func() bool { return unpublished(t, db) == 0 }, 20*time.Second, 5*time.Millisecond)
}

func TestRelay_PublishesEveryEvent_InTheOrderOfItsKey(t *testing.T) {
	t.Parallel()
	db, l := box(t, 50), &listener{}
	relay(t, db, l)
	requireAllPublished(t, db)
	require.Len(t, l.events(), 50)
	requireOrder(t, l.events())
	first := l.events()[0]
	require.Equal(t, "/micropay/boxes", first.Source)
	require.Equal(t, events.TransferPosted, first.Type)
	require.JSONEq(t, fmt.Sprintf(`{"n":%d}`, first.Sequence), string(first.Data))
	require.WithinDuration(t, time.Now(), first.Time, time.Minute)
	require.Equal(t, time.UTC, first.Time.Location())
}

func TestRelay_SaysWhatItPublished_ToWhoeverLooksClosely(t *testing.T) {
	t.Parallel()
	db, l, log := box(t, 2), &listener{partial: true}, &bytes.Buffer{}
	stop := relay(t, db, l, func(r *outbox.Relay) {
		r.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	requireAllPublished(t, db)
	stop()
	for _, e := range l.events() {
		line := "level=DEBUG msg=\"event published\" id=" + e.ID + " type=" + e.Type
		require.Equal(t, 1, strings.Count(log.String(), line), "%s\n%s", line, log)
	}
}

func TestRelay_WhatWasNotTaken_IsPublishedAgainInOrder(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]*listener{"away": {refuse: 3}, "takes one at a time": {partial: true}} {
		db := box(t, 10)
		stop := relay(t, db, l)
		requireAllPublished(t, db)
		stop()
		require.Len(t, l.events(), 10, name)
		requireOrder(t, l.events())
	}
}

func TestRelay_ManyReplicas_ShareTheWork(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema)
	_, err := db.App.ExecContext(t.Context(), `INSERT INTO outbox (id, type, subject, sequence, key, payload)
		SELECT gen_random_uuid(), 'x', 's', i, 'key ' || i % 40, '{}' FROM generate_series(1, 2000) i`)
	require.NoError(t, err)
	all := &listener{}
	counts := make([]*counting, 4)
	for i := range counts {
		counts[i] = &counting{to: all}
		relay(t, db, counts[i])
	}
	requireAllPublished(t, db)
	require.Len(t, all.events(), 2000, "each once, while no replica dies")
	requireOrder(t, all.events())
	working := 0
	for _, c := range counts {
		if c.n > 0 {
			working++
		}
	}
	require.Greater(t, working, 1)
}

type counting struct {
	to *listener
	n  int
}

func (c *counting) Publish(ctx context.Context, es []events.Event) ([]string, error) {
	c.n += len(es)
	return c.to.Publish(ctx, es)
}

// A replica that dies, or hangs in the midst of publishing, keeps its lease only so long.
func TestRelay_AHungReplicaHoldsNothingUpForLong(t *testing.T) {
	t.Parallel()
	db, hung, healthy := box(t, 10), &listener{hang: make(chan struct{})}, &listener{}
	short := func(r *outbox.Relay) { r.Lease = 400 * time.Millisecond }
	relay(t, db, hung, short)
	require.Eventually(t, func() bool {
		var leased int
		require.NoError(t, db.App.GetContext(t.Context(), &leased, `SELECT count(*) FROM outbox_shard WHERE leased_until > clock_timestamp()`))
		return leased > 0
	}, 10*time.Second, time.Millisecond)
	relay(t, db, healthy, short)
	requireAllPublished(t, db)
	require.Len(t, healthy.events(), 10)
}

func TestRelay_IsWokenByACommit(t *testing.T) {
	t.Parallel()
	db, l := box(t, 0), &listener{}
	var channel string
	require.NoError(t, db.App.GetContext(t.Context(), &channel, `SELECT current_schema() || '_outbox'`))
	relay(t, db, l, func(r *outbox.Relay) {
		r.Every, r.DSN, r.Channel = time.Hour, db.DSN, channel // no look at the clock will find it
	})
	require.Eventually(t, func() bool {
		add(t, db, 1) // until it listens
		return len(l.events()) > 0
	}, 20*time.Second, 50*time.Millisecond)
}

func TestMeasure_TellsLagAndBacklog(t *testing.T) {
	t.Parallel()
	db, registry := box(t, 2), prometheus.NewRegistry()
	outbox.Measure(registry, db.App)
	_, err := db.App.ExecContext(t.Context(), `UPDATE outbox SET occurred_at = now() - interval '90 seconds'`)
	require.NoError(t, err)
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		values[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	require.InDelta(t, 90, values["outbox_oldest_unpublished_seconds"], 30)
	require.InDelta(t, 2, values["outbox_unpublished"], 0)

	_, err = db.App.ExecContext(t.Context(), `UPDATE outbox SET published_at = now() - interval '2 hours'`)
	require.NoError(t, err)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`# HELP outbox_oldest_unpublished_seconds How long the oldest event has been waiting to be published.
# TYPE outbox_oldest_unpublished_seconds gauge
outbox_oldest_unpublished_seconds 0
# HELP outbox_unpublished Events waiting to be published, up to 100000.
# TYPE outbox_unpublished gauge
outbox_unpublished 0
`)))
	require.NoError(t, outbox.Purge(t.Context(), db.App, time.Hour))
	var left int
	require.NoError(t, db.App.GetContext(t.Context(), &left, `SELECT count(*) FROM outbox`))
	require.Zero(t, left)
}

// An outage is one line, whatever the ids and ports in its errors are and however many calls it spoils.
func TestRelay_AnOutage_IsLoggedOnce(t *testing.T) {
	t.Parallel()
	db, l, log := box(t, 9), &listener{refuse: 8}, &lines{}
	l.refusal = func(n int) error {
		one := fmt.Errorf("sns: PublishBatch, StatusCode: 403, RequestID: 7d%d0a6e1-0000-4000-8000-00000000000%d, ExpiredToken: expired", n, n)
		if n%2 == 0 {
			return errors.Join(one, fmt.Errorf("read tcp 127.0.0.1:4%d->127.0.0.1:443", n))
		}
		return one
	}
	relay(t, db, l, func(r *outbox.Relay) { r.Log = slog.New(slog.NewTextHandler(log, nil)) })
	require.Eventually(t, func() bool { return unpublished(t, db) == 0 && log.count("over: outbox not relayed") == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, 1, log.count(`msg="outbox not relayed"`), log.String())
}
