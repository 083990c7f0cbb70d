package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/awsevents"
	"github.com/micropay/micropay/shared/events/pgqueue"
	"github.com/micropay/micropay/shared/outbox"
	"github.com/micropay/micropay/testing/goaws"
)

const fillSQL = `INSERT INTO transaction.outbox (id, type, subject, sequence, key, payload, occurred_at)
	SELECT gen_random_uuid(), 'micropay.transfer.posted.v1', 's', i, 'wallet ' || i % 500, jsonb_build_object('amount', i, 'currency', 'USD',
		'transfer_id', gen_random_uuid(), 'from_user_id', gen_random_uuid(), 'to_user_id', gen_random_uuid()), clock_timestamp()
	FROM generate_series(1, $1) i`

// BenchmarkRelay is how fast a backlog of events is relayed: by one relay and by two, over SNS and
// over the bus.
func BenchmarkRelay(b *testing.B) {
	const backlog = 5000
	for _, way := range []string{"SNS", "FIFO", "bus"} {
		for _, relays := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", way, relays), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					w := newEventWorld(b, eventOptions{fifo: way == "FIFO", idle: "transaction"})
					_, err := w.admin.ExecContext(b.Context(), fillSQL, backlog)
					require.NoError(b, err)
					b.StartTimer()
					began := time.Now()
					stop := w.relays(relays, way)
					w.relayed()
					b.ReportMetric(backlog/time.Since(began).Seconds(), "events/s")
					b.StopTimer()
					stop()
				}
			})
		}
	}
}

// relays starts relays of transaction's events and nothing else.
func (w *eventWorld) relays(n int, way string) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	for range n {
		db, err := database.Open(ctx, database.Config{
			DSN: w.db.Roles["transaction"].App, ApplicationName: "relay", SearchPath: "transaction", StatementTimeout: time.Minute, LockTimeout: -1,
		})
		require.NoError(w.t, err)
		w.t.Cleanup(func() { _ = db.Close() })
		var to events.Publisher = awsevents.NewTopic(goaws.New(w.t).AWSConfig(), w.names.Topic)
		if way == "bus" {
			bus := &events.Bus{}
			bus.Subscribe("auth", pgqueue.New(db, pgqueue.Config{Visibility: time.Minute, MaxReceives: 3, Wait: time.Second}))
			to = bus
		}
		r := &outbox.Relay{
			DB: db, Publisher: to, Source: "/micropay/transaction", Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
			Every: 20 * time.Millisecond, Batch: 100, Lease: 30 * time.Second,
		}
		running.Go(func() { r.Run(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// BenchmarkCommitToConsumer is how long after its commit an event has had its effect, at a steady
// rate of transfers over REST; over SNS and SQS, and over the bus.
func BenchmarkCommitToConsumer(b *testing.B) {
	const seconds = 10
	for _, rate := range []int{250, 500} {
		for _, way := range []string{"SNS", "bus"} {
			b.Run(fmt.Sprintf("%d-a-second/%s", rate, way), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					w := newEventWorld(b, eventOptions{people: 20, bus: way == "bus"})
					w.relayed()
					b.StartTimer()
					made, took := w.steadily(rate, seconds)
					w.relayed()
					require.Eventually(b, func() bool { return w.count(handledSQL) >= made }, time.Minute, 20*time.Millisecond)
					b.ReportMetric(float64(made)/took.Seconds(), "transfers/s")
					w.report(b)
				}
			})
		}
	}
}

const (
	handledSQL = `SELECT count(*) FROM auth.inbox i JOIN transaction.outbox o ON o.id = i.event_id JOIN transaction.transfer t ON t.id = o.id AND t.kind = 'transfer'`
	lateSQL    = `SELECT 1000 * extract(epoch FROM percentile_disc($1::float8) WITHIN GROUP (ORDER BY i.handled_at - o.occurred_at))::float8
		FROM auth.inbox i JOIN transaction.outbox o ON o.id = i.event_id JOIN transaction.transfer t ON t.id = o.id AND t.kind = 'transfer'`
)

func (w *eventWorld) report(b *testing.B) {
	b.Helper()
	for name, q := range map[string]float64{"p50-ms": .5, "p99-ms": .99} {
		var ms float64
		require.NoError(b, w.admin.GetContext(b.Context(), &ms, lateSQL, q))
		b.ReportMetric(ms, name)
	}
}

// steadily makes transfers at a rate and says how many were made, in what time.
func (w *eventWorld) steadily(rate, seconds int) (made int, took time.Duration) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	var (
		under sync.WaitGroup
		mu    sync.Mutex
		gate  = make(chan struct{}, 64)
		began = time.Now()
	)
	for i := range rate * seconds {
		<-tick.C
		gate <- struct{}{}
		under.Go(func() {
			defer func() { <-gate }()
			a := w.pay(w.people[i%20], w.people[(i*7+1)%20], 1, uuid.NewString())
			mu.Lock()
			defer mu.Unlock()
			if a.Status == http.StatusCreated {
				made++
			}
		})
	}
	under.Wait()
	return made, time.Since(began)
}
