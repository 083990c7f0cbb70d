package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
)

// away is a queue that cannot be read for an hour.
type away struct {
	memory
	until time.Time
	tries int
}

func (a *away) Receive(ctx context.Context, most int) ([]events.Message, error) {
	if time.Now().Before(a.until) {
		a.tries++
		return nil, fmt.Errorf("sqs: receive: StatusCode: 403, RequestID: %08d-ab, ExpiredTokenException: expired", a.tries)
	}
	return a.memory.Receive(ctx, most)
}

// After an outage, however long, what has gathered is not to wait for minutes more; during it the
// queue is not stormed, and the log has one line.
func TestConsumer_AfterALongOutage_ReadsAgainSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := &away{until: time.Now().Add(time.Hour)}, &locked{}
		q.put(message(t, 1))
		ctx, cancel := context.WithCancel(t.Context())
		handled := make(chan time.Time, 1)
		c := &events.Consumer{
			Name: "test", Queue: q, Workers: 4, Visibility: time.Minute, FirstRetry: time.Second,
			Log: slog.New(slog.NewTextHandler(log, nil)), Registry: prometheus.NewRegistry(),
			Handle: func(context.Context, events.Event) error {
				handled <- time.Now()
				return nil
			},
		}
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		late := (<-handled).Sub(q.until)
		cancel()
		running.Wait()
		require.Less(t, late, 16*time.Second)
		require.Less(t, q.tries, 300)
		require.Equal(t, 1, strings.Count(log.String(), `msg="queue not read"`), log.String())
		require.Equal(t, 1, strings.Count(log.String(), `msg="over: queue not read"`), log.String())
	})
}

var errAway = errors.New("away")

// What one message had to go through says nothing of the next: a queue that answers is asked on at once.
func TestConsumer_AShortOutage_CostsAMomentOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := &memory{trouble: errAway}, &locked{}
		q.put(message(t, 1))
		began, handled := time.Now(), make(chan time.Time, 1)
		stop := consume(t, q, log, func(context.Context, events.Event) error {
			handled <- time.Now()
			return nil
		})
		require.Less(t, (<-handled).Sub(began), time.Second)
		stop()
	})
}
