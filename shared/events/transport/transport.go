// Package transport chooses how the events of a service travel: over SNS and SQS where a topic is
// configured, else over the bus of its own process.
package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/awsevents"
	"github.com/micropay/micropay/shared/events/pgqueue"
	"github.com/micropay/micropay/shared/outbox"
)

// Config is what can be set, by environment variables.
type Config struct {
	TopicARN    string        `env:"SNS_TOPIC_ARN"`                       // all events go there
	Workers     int           `env:"EVENTS_WORKERS" envDefault:"8"`       // events handled at a time
	Visibility  time.Duration `env:"EVENTS_VISIBILITY" envDefault:"30s"`  // a received event is hidden this long; longer while it is worked on
	Wait        time.Duration `env:"EVENTS_WAIT" envDefault:"20s"`        // of a long poll
	FirstRetry  time.Duration `env:"EVENTS_FIRST_RETRY" envDefault:"1s"`  // doubled with every further try
	MaxReceives int           `env:"EVENTS_MAX_RECEIVES" envDefault:"10"` // then it is a dead letter; of SQS its redrive policy says so
	RelayEvery  time.Duration `env:"OUTBOX_POLL" envDefault:"1s"`         // a commit wakes the relay; this is for when that fails
	RelayLease  time.Duration `env:"OUTBOX_LEASE" envDefault:"30s"`       // a replica that died holds events up this long
	Keep        time.Duration `env:"OUTBOX_KEEP" envDefault:"720h"`       // published and handled events are kept this long
}

// leastKeep is longer than SQS keeps a message, as a dead letter again: what comes again is known.
const leastKeep = 29 * 24 * time.Hour

// longestWait is that of SQS.
const longestWait = 20 * time.Second

// Validate reports every mistake at once. queueURL is the service's queue, by its variable.
func (c Config) Validate(variable, queueURL string) error {
	var errs []error
	mistake := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	mistake(c.TopicARN != "" && !strings.HasPrefix(c.TopicARN, "arn:"), "SNS_TOPIC_ARN: must be the ARN of a topic")
	mistake((c.TopicARN == "") != (queueURL == ""), fmt.Sprintf("SNS_TOPIC_ARN and %s: one needs the other", variable))
	for name, n := range map[string]int64{
		"EVENTS_WORKERS": int64(c.Workers), "EVENTS_VISIBILITY": int64(c.Visibility), "EVENTS_FIRST_RETRY": int64(c.FirstRetry),
		"EVENTS_MAX_RECEIVES": int64(c.MaxReceives), "OUTBOX_POLL": int64(c.RelayEvery), "EVENTS_WAIT": int64(c.Wait),
	} {
		mistake(n <= 0, name+": must be positive")
	}
	mistake(c.Wait > longestWait, "EVENTS_WAIT: must be at most 20s")
	mistake(c.RelayLease < time.Second, "OUTBOX_LEASE: must be at least 1s")
	mistake(c.Keep < leastKeep, "OUTBOX_KEEP: must be at least 696h, longer than any queue keeps an event")
	return errors.Join(errs...)
}

// Service is whose events they are.
type Service struct {
	Name     string // also its target
	QueueURL string // of SQS
	DB       *sqlx.DB
	DSN      string // to hear of commits
	Schema   string
	Handle   func(ctx context.Context, e events.Event) error
	Log      *slog.Logger
	Registry prometheus.Registerer
	AWS      func(ctx context.Context) (aws.Config, error)
	Bus      *events.Bus // of the process; nil when the service is alone in it
}

// Transport is how a service tells and hears.
type Transport struct {
	Relay    *outbox.Relay
	Consumer *events.Consumer // nil: nothing comes
	How      string           // in words
}

// New makes the transport of a valid configuration. It calls nobody yet.
func New(ctx context.Context, c Config, s Service) (*Transport, error) {
	t := &Transport{Relay: &outbox.Relay{
		DB: s.DB, DSN: s.DSN, Channel: s.Schema + "_outbox", Source: "/micropay/" + s.Name, Log: s.Log, Registry: s.Registry,
		Every: c.RelayEvery, Lease: c.RelayLease, Batch: 100,
	}}
	var queue events.Queue
	switch {
	case c.TopicARN != "":
		cfg, err := s.AWS(ctx)
		if err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		queue, t.Relay.Publisher = c.sqs(cfg, s), awsevents.NewTopic(cfg, c.TopicARN)
		t.How = "SNS and SQS"
	case s.Bus != nil:
		q := c.table(s)
		s.Bus.Subscribe(s.Name, q)
		queue, t.Relay.Publisher = q, s.Bus
		t.How = "the bus of this process"
	default:
		t.Relay.Publisher = outbox.LogPublisher{Log: s.Log}
		t.How = "the log: no SNS_TOPIC_ARN"
		return t, nil
	}
	t.Consumer = &events.Consumer{
		Name: s.Name, Queue: queue, Handle: s.Handle, Workers: c.Workers, Visibility: c.Visibility, FirstRetry: c.FirstRetry,
		Log: s.Log, Registry: s.Registry,
	}
	return t, nil
}

// DeadLetters are those of the queue of a service, for an operator who runs beside it. Of the
// service only Name, QueueURL, DB and AWS are asked for.
func DeadLetters(ctx context.Context, c Config, s Service) (events.DeadLetters, error) {
	if c.TopicARN == "" {
		return c.table(s), nil
	}
	cfg, err := s.AWS(ctx)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return c.sqs(cfg, s), nil
}

func (c Config) sqs(cfg aws.Config, s Service) *awsevents.Queue {
	return awsevents.NewQueue(cfg, s.QueueURL, c.Visibility, c.Wait)
}

// table is the queue in the service's own schema, which is asked again every second at least.
func (c Config) table(s Service) *pgqueue.Queue {
	return pgqueue.New(s.DB, pgqueue.Config{Visibility: c.Visibility, MaxReceives: c.MaxReceives, Wait: min(c.Wait, time.Second)})
}
