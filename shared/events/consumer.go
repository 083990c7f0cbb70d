package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/shared/trouble"
)

// Message is an event on its way, as a queue hands it out.
type Message struct {
	ID       string // the queue's own
	Receipt  string // names this handing-out
	Body     []byte
	Receives int  // how often it has been handed out, this time included
	Last     bool // the queue makes a dead letter of it after this time
}

// Queue keeps messages for one consumer. What was received and not deleted comes again.
type Queue interface {
	// Receive waits a while for up to most messages; none is an answer. They stay hidden from
	// others for the queue's visibility time.
	Receive(ctx context.Context, most int) ([]Message, error)
	// Delete ends a message. One that is gone already is no error.
	Delete(ctx context.Context, m Message) error
	// Extend hides a message for so long from now; 0 hands it out again at once.
	Extend(ctx context.Context, m Message, d time.Duration) error
}

// Consumer hands the events of a queue to a handler, several at a time. The handler drops what it
// knows by its id, in the database transaction of its effect: an event may come twice.
//
// An event that cannot be handled now comes again, later each time; one that never can
// (ErrMalformed) comes again at once, until the queue makes a dead letter of it.
type Consumer struct {
	Name       string // in logs and metrics
	Queue      Queue
	Handle     func(ctx context.Context, e Event) error
	Workers    int           // events handled at a time
	Visibility time.Duration // that the queue hides a message; extended while it is worked on
	FirstRetry time.Duration // pause before the second try, doubled each time up to LongestRetry
	Log        *slog.Logger
	Registry   prometheus.Registerer
	// Parse reads messages that are of another form; default Parse.
	Parse func(body []byte) (Event, error)
	// Ready, if not nil, says whether anything could be handled now. While it is not, nothing is
	// received: what is not received is not counted, and an outage makes no dead letters.
	Ready func(ctx context.Context) error

	handled *prometheus.CounterVec
	age     prometheus.Histogram
}

// LongestRetry bounds the pause between two tries.
const LongestRetry = 5 * time.Minute

// longestOutagePause bounds the pause between two tries to read the queue: when it is back, what
// has gathered there waits no longer.
const longestOutagePause = 15 * time.Second

// receiveAtOnce is the most that SQS hands out in one answer.
const receiveAtOnce = 10

// gatherFor is how long a free worker waits for others, so that one request fetches for several:
// each costs money and a round trip.
const gatherFor = 10 * time.Millisecond

// Run consumes until ctx ends, and returns when what is under way has been finished.
func (c *Consumer) Run(ctx context.Context) {
	c.measure()
	var work sync.WaitGroup
	defer work.Wait()
	places := make(chan struct{}, c.Workers)
	outage := trouble.Line{}
	for failures := 0; ctx.Err() == nil; {
		free := c.reserve(ctx, places)
		messages, err := c.receive(ctx, free)
		for range free - len(messages) {
			<-places
		}
		if ctx.Err() == nil {
			outage.Heard(ctx, c.Log, "queue not read", err, "consumer", c.Name)
		}
		if err != nil {
			pause(ctx, min(c.backoff(failures), longestOutagePause))
			failures++
			continue
		}
		failures = 0
		for _, m := range messages {
			work.Go(func() {
				defer func() { <-places }()
				c.take(context.WithoutCancel(ctx), m)
			})
		}
	}
}

func (c *Consumer) receive(ctx context.Context, most int) ([]Message, error) {
	if c.Ready != nil {
		if err := c.Ready(ctx); err != nil {
			return nil, err
		}
	}
	return c.Queue.Receive(ctx, most)
}

// reserve waits for a worker to be free, and takes as many as become free within a moment.
func (c *Consumer) reserve(ctx context.Context, places chan struct{}) (n int) {
	select {
	case places <- struct{}{}:
		n = 1
	case <-ctx.Done():
		return 0
	}
	over := time.NewTimer(gatherFor)
	defer over.Stop()
	for n < min(receiveAtOnce, cap(places)) {
		select {
		case places <- struct{}{}:
			n++
		case <-over.C:
			return n
		case <-ctx.Done():
			return n
		}
	}
	return n
}

// take works on one message and settles with the queue.
func (c *Consumer) take(ctx context.Context, m Message) {
	working, done := context.WithCancel(ctx)
	var hiding sync.WaitGroup
	hiding.Go(func() { c.hide(working, m) })
	e, err := c.try(ctx, m)
	done()
	hiding.Wait()
	if err == nil {
		c.handled.WithLabelValues(label(e), "handled").Inc()
		c.age.Observe(time.Since(e.Time).Seconds())
		c.Log.DebugContext(ctx, "event handled", "consumer", c.Name, "id", e.ID, "type", e.Type)
		err = c.Queue.Delete(ctx, m) // not deleted, it comes again and is known by then
	} else {
		err = c.refused(ctx, m, e, err)
	}
	if err != nil {
		c.Log.WarnContext(ctx, "message not settled", "consumer", c.Name, "id", e.ID, "error", err.Error())
	}
}

// try handles an event; a panic is an error, so that it ends no other's work.
func (c *Consumer) try(ctx context.Context, m Message) (e Event, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	parse := c.Parse
	if parse == nil {
		parse = Parse
	}
	if e, err = parse(m.Body); err != nil {
		return e, err
	}
	return e, c.Handle(ctx, e)
}

// hide keeps the message from being handed out again while it is worked on.
func (c *Consumer) hide(ctx context.Context, m Message) {
	tick := time.NewTicker(c.Visibility / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := c.Queue.Extend(ctx, m, c.Visibility); err != nil && ctx.Err() == nil {
				c.Log.WarnContext(ctx, "message may come twice", "consumer", c.Name, "error", err.Error())
			}
		}
	}
}

// refused says why, and when the message is to come again.
func (c *Consumer) refused(ctx context.Context, m Message, e Event, why error) error {
	outcome, level, text, wait := "failed", slog.LevelWarn, "event not handled, will try again", c.backoff(m.Receives-1)
	if errors.Is(why, ErrMalformed) {
		outcome, wait = "malformed", 0
	}
	if m.Last {
		level, text, outcome = slog.LevelError, "event not handled, becomes a dead letter", "dead_letter"
	}
	c.handled.WithLabelValues(label(e), outcome).Inc()
	c.Log.Log(ctx, level, text, "consumer", c.Name, "message", m.ID, "id", e.ID, "type", e.Type, "tries", m.Receives, "error", why.Error())
	return c.Queue.Extend(ctx, m, wait)
}

// label bounds the number of metrics, whatever types are sent.
func label(e Event) string {
	if _, known := Targets[e.Type]; known {
		return e.Type
	}
	return "other"
}

func (c *Consumer) backoff(failures int) time.Duration {
	return min(c.FirstRetry<<min(failures, 20), LongestRetry)
}

func (c *Consumer) measure() {
	c.handled = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "events_consumed_total", Help: "Events taken from the queue, by what became of them.",
	}, []string{"type", "outcome"})
	c.age = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "events_age_seconds", Help: "From an event's commit to its having been handled.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600},
	})
	c.Registry.MustRegister(c.handled, c.age)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
