package awsevents_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/micropay/micropay/shared/events/awsevents"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/goaws"
	"github.com/micropay/micropay/testing/moto"
)

func world(t *testing.T, cfg aws.Config) queues.World {
	t.Helper()
	names := queues.Provision(t, cfg, false, "auth", "transaction")
	q := awsevents.NewQueue(cfg, names.Queues["auth"], 30*time.Second, time.Second)
	return queues.World{Publisher: awsevents.NewTopic(cfg, names.Topic), Queue: q, DeadLetters: q}
}

func TestGoaws_Contract(t *testing.T) {
	t.Parallel()
	queues.Run(t, func(t *testing.T) queues.World {
		t.Helper()
		w := world(t, goaws.New(t).AWSConfig())
		w.CountsNot = true
		return w
	})
}

func TestMoto_Contract(t *testing.T) {
	t.Parallel()
	cfg := moto.New(t).AWSConfig()
	queues.Run(t, func(t *testing.T) queues.World {
		t.Helper()
		return world(t, cfg)
	})
}
