package transport_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/awsevents"
	"github.com/micropay/micropay/shared/events/pgqueue"
	"github.com/micropay/micropay/shared/events/transport"
	"github.com/micropay/micropay/shared/outbox"
)

func config() transport.Config {
	return transport.Config{
		Workers: 8, Visibility: time.Second, Wait: time.Second, FirstRetry: time.Second, MaxReceives: 3, RelayEvery: time.Second,
		RelayLease: time.Second, Keep: 720 * time.Hour,
	}
}

func service() transport.Service {
	return transport.Service{
		Name: "auth", Schema: "auth", Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		AWS: func(context.Context) (aws.Config, error) { return aws.Config{Region: "us-east-1"}, nil },
	}
}

func TestValidate_ReportsEveryMistakeByItsVariable(t *testing.T) {
	t.Parallel()
	require.NoError(t, config().Validate("AUTH_QUEUE_URL", ""))
	c := config()
	c.TopicARN = "arn:aws:sns:us-east-1:123456789012:micropay"
	require.NoError(t, c.Validate("AUTH_QUEUE_URL", "https://sqs/q"))
	require.ErrorContains(t, c.Validate("AUTH_QUEUE_URL", ""), "AUTH_QUEUE_URL")
	require.ErrorContains(t, config().Validate("AUTH_QUEUE_URL", "https://sqs/q"), "SNS_TOPIC_ARN")
	err := transport.Config{TopicARN: "micropay", Wait: time.Minute}.Validate("AUTH_QUEUE_URL", "https://sqs/q")
	for _, name := range []string{
		"SNS_TOPIC_ARN", "EVENTS_WORKERS", "EVENTS_VISIBILITY", "EVENTS_FIRST_RETRY", "EVENTS_MAX_RECEIVES", "OUTBOX_POLL", "EVENTS_WAIT",
		"OUTBOX_LEASE", "OUTBOX_KEEP",
	} {
		require.ErrorContains(t, err, name)
	}
}

func TestNew_ATopicThatIsConfiguredIsUsed(t *testing.T) {
	t.Parallel()
	c, s := config(), service()
	c.TopicARN, s.QueueURL, s.Bus = "arn:aws:sns:us-east-1:123456789012:micropay", "https://sqs/q", &events.Bus{}
	made, err := transport.New(t.Context(), c, s)
	require.NoError(t, err)
	require.IsType(t, &awsevents.Topic{}, made.Relay.Publisher)
	require.IsType(t, &awsevents.Queue{}, made.Consumer.Queue)
	require.Equal(t, "/micropay/auth", made.Relay.Source)
	require.Equal(t, "auth_outbox", made.Relay.Channel)
	dead, err := transport.DeadLetters(t.Context(), c, s)
	require.NoError(t, err)
	require.IsType(t, &awsevents.Queue{}, dead)
	away := errors.New("no region")
	s.AWS = func(context.Context) (aws.Config, error) { return aws.Config{}, away }
	_, err = transport.New(t.Context(), c, s)
	require.ErrorIs(t, err, away, "nothing falls back silently")
	_, err = transport.DeadLetters(t.Context(), c, s)
	require.ErrorIs(t, err, away)
}

func TestNew_InOneProcessTheBusIsUsed(t *testing.T) {
	t.Parallel()
	s := service()
	s.Bus = &events.Bus{}
	made, err := transport.New(t.Context(), config(), s)
	require.NoError(t, err)
	require.Same(t, s.Bus, made.Relay.Publisher)
	dead, err := transport.DeadLetters(t.Context(), config(), s)
	require.NoError(t, err)
	require.IsType(t, &pgqueue.Queue{}, dead)
	require.NotNil(t, made.Consumer)
}

func TestNew_AloneAndWithoutATopic_ItOnlyLogs(t *testing.T) {
	t.Parallel()
	made, err := transport.New(t.Context(), config(), service())
	require.NoError(t, err)
	require.Nil(t, made.Consumer)
	require.IsType(t, outbox.LogPublisher{}, made.Relay.Publisher)
	published, err := made.Relay.Publisher.Publish(t.Context(), []events.Event{{ID: "1"}})
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, published)
	require.Contains(t, made.How, "SNS_TOPIC_ARN")
}
