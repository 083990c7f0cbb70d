package pgqueue_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/pgqueue"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/pgtest"
)

var schema = pgtest.Schema{Name: "queues", FS: fstest.MapFS{"00001_queue.sql": &fstest.MapFile{Data: []byte(`-- +goose Up
CREATE TABLE queue (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL UNIQUE,
    body       text NOT NULL,
    receives   int NOT NULL DEFAULT 0,
    visible_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- hidden until then
    dead_at    timestamptz                                     -- given up since
);
CREATE INDEX queue_visible ON queue (visible_at) WHERE dead_at IS NULL;
CREATE INDEX queue_dead ON queue (id) WHERE dead_at IS NOT NULL;
GRANT ALL ON queue TO micropay_queues;
`)}}}

func world(t *testing.T) queues.World {
	t.Helper()
	q := pgqueue.New(pgtest.New(t, schema).App, pgqueue.Config{Visibility: 30 * time.Second, MaxReceives: queues.MaxReceives, Wait: 50 * time.Millisecond})
	bus := &events.Bus{}
	bus.Subscribe("auth", q)
	bus.Subscribe("transaction", nobody{})
	return queues.World{Publisher: bus, Queue: q, DeadLetters: q}
}

type nobody struct{ err error }

func (n nobody) Put(context.Context, []events.Event) error { return n.err }

func TestQueue_Contract(t *testing.T) {
	t.Parallel()
	queues.Run(t, world)
}

func TestQueue_WhatComesTwiceIsKeptOnce(t *testing.T) {
	t.Parallel()
	w := world(t)
	e := queues.New(t, "once")
	for range 2 {
		_, err := w.Publish(t.Context(), []events.Event{e, e})
		require.NoError(t, err)
	}
	ms, err := w.Receive(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, ms, 1)
}

func TestBus_WhatNobodyTookIsNotPublished(t *testing.T) {
	t.Parallel()
	mine, theirs := queues.New(t, "mine"), queues.New(t, "theirs")
	theirs.Type = events.UserRegistered
	bus := &events.Bus{}
	bus.Subscribe("auth", nobody{})
	published, err := bus.Publish(t.Context(), []events.Event{mine, theirs})
	require.ErrorContains(t, err, "transaction")
	require.Equal(t, []string{mine.ID}, published)
	away := errors.New("its database is away")
	bus.Subscribe("transaction", nobody{away})
	published, err = bus.Publish(t.Context(), []events.Event{theirs, mine})
	require.ErrorIs(t, err, away)
	require.Equal(t, []string{mine.ID}, published)
}
