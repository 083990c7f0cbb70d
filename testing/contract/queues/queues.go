// Package queues is the contract of what carries events: a publisher, and the queue of one
// service behind it. The queue in PostgreSQL, goaws and moto are all held to it, so that a test
// against one says something of the others.
package queues

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
)

// MaxReceives is how often the queue under test hands a message out.
const MaxReceives = 3

// World is a topic with the queue of the target "auth" behind it, whose messages stay hidden for
// half a minute.
type World struct {
	events.Publisher
	events.Queue
	events.DeadLetters
	CountsNot bool // it does not count how often a message was received: goaws
}

// Run is the suite.
func Run(t *testing.T, open func(*testing.T) World) {
	for name, rule := range map[string]func(*testing.T, World){
		"brings each event to its target, as it was":        brings,
		"hides what was received, deletes what was settled": hides,
		"hands out again what was let go":                   handsOutAgain,
		"makes a dead letter of what is never settled":      buries,
		"waits for a message":                               waits,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); rule(t, open(t)) })
	}
}

// New is an event for the queue under test.
func New(t *testing.T, text string) events.Event {
	t.Helper()
	data, err := json.Marshal(map[string]string{"text": text})
	require.NoError(t, err)
	return events.Event{
		ID: uuid.Must(uuid.NewV7()).String(), Type: events.TransferPosted, Source: "/micropay/test", Subject: "s", Sequence: 1,
		Key: "k", Time: time.Now().UTC().Truncate(time.Microsecond), Data: data,
	}
}

func (w World) publish(t *testing.T, es ...events.Event) {
	t.Helper()
	published, err := w.Publish(t.Context(), es)
	require.NoError(t, err)
	require.Len(t, published, len(es))
}

// take receives until there are n messages.
func (w World) take(t *testing.T, n int) (got []events.Message) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(got) < n; {
		require.True(t, time.Now().Before(deadline), "%d of %d messages", len(got), n)
		ms, err := w.Receive(t.Context(), 10)
		require.NoError(t, err)
		got = append(got, ms...)
	}
	require.Len(t, got, n)
	return got
}

func (w World) letGo(t *testing.T, m events.Message) { require.NoError(t, w.Extend(t.Context(), m, 0)) }

func brings(t *testing.T, w World) {
	var sent []events.Event
	for n := range 23 { // more than a batch of SNS
		sent = append(sent, New(t, fmt.Sprintf("%d: ¡Hola! <b> 😀 \u202e \" \\ ", n)))
	}
	other := New(t, "to somebody else")
	other.Type = events.UserRegistered
	w.publish(t, append(sent[:11:11], append([]events.Event{other}, sent[11:]...)...)...)
	got := map[string]events.Event{}
	for _, m := range w.take(t, len(sent)) {
		e, err := events.Parse(m.Body)
		require.NoError(t, err)
		got[e.ID] = e
		require.Equal(t, 1, m.Receives)
		require.NoError(t, w.Delete(t.Context(), m))
	}
	for _, e := range sent {
		require.Equal(t, e, got[e.ID])
	}
	published, err := w.Publish(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, published)
}

func hides(t *testing.T, w World) {
	first, second := New(t, "1"), New(t, "2")
	w.publish(t, first)
	m := w.take(t, 1)[0]
	w.publish(t, second)
	again := w.take(t, 1)[0]
	require.Contains(t, string(again.Body), second.ID, "the first is hidden")
	require.NoError(t, w.Extend(t.Context(), again, time.Minute))
	require.NoError(t, w.Delete(t.Context(), m))
	require.NoError(t, w.Delete(t.Context(), m), "twice is once")
	require.NoError(t, w.Delete(t.Context(), again))
}

func handsOutAgain(t *testing.T, w World) {
	e := New(t, "again")
	w.publish(t, e)
	for n := 1; n <= 2; n++ {
		m := w.take(t, 1)[0]
		if !w.CountsNot {
			require.Equal(t, n, m.Receives)
		}
		require.False(t, m.Last)
		w.letGo(t, m)
	}
	m := w.take(t, 1)[0]
	require.Equal(t, !w.CountsNot, m.Last)
	require.NoError(t, w.Delete(t.Context(), m))
}

func buries(t *testing.T, w World) {
	poison, good := New(t, "poison"), New(t, "good")
	w.publish(t, poison)
	for range MaxReceives {
		w.letGo(t, w.take(t, 1)[0])
	}
	w.publish(t, good)
	m := w.take(t, 1)[0]
	require.Contains(t, string(m.Body), good.ID, "the poison holds nobody up")
	require.NoError(t, w.Delete(t.Context(), m))
	require.Eventually(t, func() bool {
		_, err := w.Receive(t.Context(), 1) // some queues look when they are asked
		require.NoError(t, err)
		dead, err := w.Dead(t.Context())
		require.NoError(t, err)
		return dead == 1
	}, 30*time.Second, 20*time.Millisecond)

	moved, err := w.Redrive(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, moved)
	m = w.take(t, 1)[0]
	e, err := events.Parse(m.Body)
	require.NoError(t, err)
	require.Equal(t, poison, e)
	require.NoError(t, w.Delete(t.Context(), m))
	moved, err = w.Redrive(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, moved)
}

func waits(t *testing.T, w World) {
	got := make(chan int)
	go func() {
		n := 0
		for range 60 {
			ms, err := w.Receive(t.Context(), 10)
			if n += len(ms); err != nil || n > 0 {
				break
			}
		}
		got <- n
	}()
	w.publish(t, New(t, "late"))
	require.Equal(t, 1, <-got)
}
