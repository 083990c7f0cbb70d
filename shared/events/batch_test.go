package events_test

import (
	"context"
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

// counted is a queue that notes how often it was asked.
type counted struct {
	memory
	asked atomic.Int64
}

func (c *counted) Receive(ctx context.Context, most int) ([]events.Message, error) {
	c.asked.Add(1)
	return c.memory.Receive(ctx, most)
}

// Each request to a queue costs money and time: a backlog is fetched by many at a time, although
// workers become free one by one. One that takes long keeps nobody waiting for it.
func TestConsumer_FetchesABacklogByMany(t *testing.T) {
	t.Parallel()
	const backlog, workers = 200, 8
	synctest.Test(t, func(t *testing.T) {
		q := &counted{}
		for n := range backlog {
			q.put(message(t, n))
		}
		var all, running sync.WaitGroup
		all.Add(backlog)
		slow := make(chan bool)
		ctx, cancel := context.WithCancel(t.Context())
		c := &events.Consumer{
			Name: "test", Queue: q, Workers: workers, Visibility: time.Minute, FirstRetry: time.Second,
			Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
			Handle: func(_ context.Context, e events.Event) error {
				defer all.Done()
				last := e.ID[len(e.ID)-1] - '0'
				time.Sleep(time.Duration(2+last) * time.Millisecond)
				if e.ID[len(e.ID)-3:] == "007" {
					<-slow
				}
				return nil
			},
		}
		running.Go(func() { c.Run(ctx) })
		time.Sleep(2 * time.Second)
		left, asked := q.left(), q.asked.Load()
		close(slow)
		all.Wait()
		cancel()
		running.Wait()
		require.Equal(t, 1, left, "all but the one that takes long are done")
		require.Less(t, asked, int64(backlog/4))
	})
}
