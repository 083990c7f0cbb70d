package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
)

// memory is a queue that hides what was received until its time is over.
type memory struct {
	mu       sync.Mutex
	messages []*kept
	extended int
	trouble  error
}

type kept struct {
	events.Message
	due time.Time
}

func (q *memory) put(bodies ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range bodies {
		q.messages = append(q.messages, &kept{Message: events.Message{ID: fmt.Sprint(len(q.messages)), Body: []byte(b)}})
	}
}

func (q *memory) Receive(ctx context.Context, most int) (got []events.Message, err error) {
	for ctx.Err() == nil && len(got) == 0 && err == nil {
		time.Sleep(time.Millisecond)
		q.mu.Lock()
		err, q.trouble = q.trouble, nil
		for _, m := range q.messages {
			if err == nil && len(got) < most && time.Now().After(m.due) {
				m.Receives++
				m.Last = m.Receives >= 3
				m.due = time.Now().Add(time.Minute)
				got = append(got, m.Message)
			}
		}
		q.mu.Unlock()
	}
	return got, err
}

func (q *memory) Delete(_ context.Context, m events.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.messages {
		if q.messages[i].ID == m.ID {
			q.messages = append(q.messages[:i], q.messages[i+1:]...)
			return nil
		}
	}
	return nil
}

func (q *memory) Extend(_ context.Context, m events.Message, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.extended++
	for i := range q.messages {
		if q.messages[i].ID == m.ID {
			q.messages[i].due = time.Now().Add(d)
		}
	}
	return nil
}

func (q *memory) receives() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		n += m.Receives
	}
	return n
}

func (q *memory) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

func (q *memory) extensions() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.extended
}

func message(t *testing.T, n int) string {
	t.Helper()
	e := event()
	e.ID = fmt.Sprintf("019c5a00-0000-7000-8000-%012d", n)
	body, err := json.Marshal(e)
	require.NoError(t, err)
	return string(body)
}

// locked is a log that many write.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func consume(t *testing.T, q events.Queue, log *locked, handle func(context.Context, events.Event) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &events.Consumer{
		Name: "test", Queue: q, Handle: handle, Workers: 4, Visibility: 40 * time.Millisecond, FirstRetry: time.Millisecond,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registry: prometheus.NewRegistry(),
	}
	done := make(chan bool)
	go func() {
		c.Run(ctx)
		close(done)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

func TestConsumer_HandlesAndDeletes(t *testing.T) {
	t.Parallel()
	q := &memory{}
	for n := range 30 {
		q.put(message(t, n))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	consume(t, q, &locked{}, func(_ context.Context, e events.Event) error {
		mu.Lock()
		defer mu.Unlock()
		seen[e.ID]++
		return nil
	})
	require.Eventually(t, func() bool { return q.left() == 0 }, 10*time.Second, time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, seen, 30)
}

func TestConsumer_SaysWhatItHandled_ToWhoeverLooksClosely(t *testing.T) {
	t.Parallel()
	q, log := &memory{}, &locked{}
	q.put(message(t, 1))
	e, err := events.Parse([]byte(message(t, 1)))
	require.NoError(t, err)
	consume(t, q, log, func(context.Context, events.Event) error { return nil })
	require.Eventually(t, func() bool { return q.left() == 0 }, 10*time.Second, time.Millisecond)
	require.Contains(t, log.String(), "level=DEBUG msg=\"event handled\" consumer=test id="+e.ID)
}

func TestConsumer_TriesAgainLater_AndSaysWhy(t *testing.T) {
	t.Parallel()
	q, log := &memory{}, &locked{}
	q.put(message(t, 1))
	tries := 0
	consume(t, q, log, func(context.Context, events.Event) error {
		if tries++; tries < 3 {
			return errors.New("the database is away")
		}
		return nil
	})
	require.Eventually(t, func() bool { return q.left() == 0 }, 10*time.Second, time.Millisecond)
	require.Contains(t, log.String(), "the database is away")
	require.Contains(t, log.String(), events.TransferPosted)
}

// What can never be handled is tried until its queue makes a dead letter of it, and holds up
// nobody.
func TestConsumer_Poison_HoldsUpNobody(t *testing.T) {
	t.Parallel()
	q, log := &memory{}, &locked{}
	q.put("{", message(t, 1), `{"specversion":"1.0"}`, message(t, 2))
	consume(t, q, log, func(context.Context, events.Event) error { return nil })
	require.Eventually(t, func() bool { return q.left() == 2 }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return bytes.Count([]byte(log.String()), []byte("dead letter")) >= 2 }, 10*time.Second, time.Millisecond)
	require.Contains(t, log.String(), events.ErrMalformed.Error())
}

// What is not received is not counted: an outage makes no dead letters.
func TestConsumer_ReceivesNothingWhileItCouldHandleNothing(t *testing.T) {
	t.Parallel()
	q, log := &memory{}, &locked{}
	q.put(message(t, 1))
	var away atomic.Bool
	away.Store(true)
	asked := make(chan bool, 100)
	handled := make(chan int, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &events.Consumer{
		Name: "test", Queue: q, Workers: 1, Visibility: time.Minute, FirstRetry: time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil)),
		Registry: prometheus.NewRegistry(),
		Ready: func(context.Context) error {
			select {
			case asked <- true:
			default:
			}
			if away.Load() {
				return errors.New("the database is away")
			}
			return nil
		},
		Handle: func(context.Context, events.Event) error {
			handled <- q.receives()
			return nil
		},
	}
	go c.Run(ctx)
	for range 5 {
		<-asked
	}
	require.Zero(t, q.receives())
	away.Store(false)
	require.Equal(t, 1, <-handled)
	require.Contains(t, log.String(), "the database is away")
}

func TestConsumer_CountsDeadLetters(t *testing.T) {
	t.Parallel()
	q, registry := &memory{}, prometheus.NewRegistry()
	q.put("{")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &events.Consumer{
		Name: "test", Queue: q, Workers: 1, Visibility: time.Minute, FirstRetry: time.Millisecond, Log: slog.New(slog.DiscardHandler), Registry: registry,
		Handle: func(context.Context, events.Event) error { return nil },
	}
	go c.Run(ctx)
	require.Eventually(t, func() bool {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetValue() == "dead_letter" {
						return m.GetCounter().GetValue() >= 1
					}
				}
			}
		}
		return false
	}, 10*time.Second, 5*time.Millisecond)
}

func TestConsumer_MayReadMessagesOfAnotherForm(t *testing.T) {
	t.Parallel()
	q := &memory{}
	q.put("another form")
	seen := make(chan events.Event, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &events.Consumer{
		Name: "test", Queue: q, Workers: 1, Visibility: time.Minute, FirstRetry: time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Registry: prometheus.NewRegistry(),
		Parse:    func(body []byte) (events.Event, error) { return events.Event{ID: string(body), Time: time.Now()}, nil },
		Handle: func(_ context.Context, e events.Event) error {
			seen <- e
			return nil
		},
	}
	go c.Run(ctx)
	require.Equal(t, "another form", (<-seen).ID)
}

func TestConsumer_APanicIsAFailedTry(t *testing.T) {
	t.Parallel()
	q, log := &memory{}, &locked{}
	q.put(message(t, 1), message(t, 2))
	consume(t, q, log, func(_ context.Context, e events.Event) error {
		if e.ID[len(e.ID)-1] == '1' {
			panic("boom")
		}
		return nil
	})
	require.Eventually(t, func() bool { return q.left() == 1 && bytes.Contains([]byte(log.String()), []byte("boom")) }, 10*time.Second, time.Millisecond)
}

func TestConsumer_KeepsAMessageHiddenWhileItWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &memory{}
		q.put(message(t, 1))
		calls, release := make(chan bool, 10), make(chan bool)
		stop := consume(t, q, &locked{}, func(context.Context, events.Event) error {
			calls <- true
			<-release
			return nil
		})
		<-calls
		time.Sleep(200 * time.Millisecond) // five times as long as a message is hidden
		extensions, again := q.extensions(), len(calls)
		close(release)
		stop()
		require.Greater(t, extensions, 5)
		require.Zero(t, again, "it was not received twice")
		require.Zero(t, q.left())
	})
}

func TestConsumer_StopsWhenItsWorkIsDone(t *testing.T) {
	t.Parallel()
	q := &memory{}
	q.put(message(t, 1))
	began, release := make(chan bool), make(chan bool)
	stop := consume(t, q, &locked{}, func(ctx context.Context, _ events.Event) error {
		close(began)
		<-release
		return ctx.Err()
	})
	<-began
	stopped := make(chan bool)
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Fatal("stopped in the midst of a message")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	<-stopped
	require.Zero(t, q.left(), "what was under way was finished and deleted")
}

func TestConsumer_AQueueThatIsAwayIsAskedAgain(t *testing.T) {
	t.Parallel()
	q, log := &memory{trouble: errors.New("no route to the queue")}, &locked{}
	q.put(message(t, 1))
	consume(t, q, log, func(context.Context, events.Event) error { return nil })
	require.Eventually(t, func() bool { return q.left() == 0 }, 10*time.Second, time.Millisecond)
	require.Contains(t, log.String(), "no route to the queue")
}
