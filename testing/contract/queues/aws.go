package queues

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Names are of a topic and the queues behind it.
type Names struct {
	Topic       string            // its ARN
	Queues      map[string]string // URLs by target
	DeadLetters map[string]string // URLs by target
}

// Provision makes a topic with a queue for each target, as infra/ does: filtered by target,
// delivered raw, with a queue of dead letters behind.
func Provision(t testing.TB, cfg aws.Config, fifo bool, targets ...string) Names {
	t.Helper()
	topics, client := sns.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	suffix, attributes := "", map[string]string{}
	if fifo {
		suffix, attributes["FifoTopic"] = ".fifo", "true"
	}
	name := "t" + uuid.NewString()[:8]
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String(name + suffix), Attributes: attributes})
	require.NoError(t, err)
	n := Names{Topic: *topic.TopicArn, Queues: map[string]string{}, DeadLetters: map[string]string{}}
	for _, target := range targets {
		var deadARN, queueARN string
		n.DeadLetters[target], deadARN = queue(t, client, name+"-"+target+"-dead"+suffix, fifo, nil)
		n.Queues[target], queueARN = queue(t, client, name+"-"+target+suffix, fifo, map[string]string{
			"VisibilityTimeout": "30", "RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, deadARN, MaxReceives),
		})
		_, err := topics.Subscribe(t.Context(), &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN),
			Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": fmt.Sprintf(`{"target":[%q]}`, target)},
		})
		require.NoError(t, err)
	}
	return n
}

func queue(t testing.TB, client *sqs.Client, name string, fifo bool, attributes map[string]string) (url, arn string) {
	t.Helper()
	if fifo {
		if attributes == nil {
			attributes = map[string]string{}
		}
		attributes["FifoQueue"] = "true"
	}
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	require.NoError(t, err)
	got, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: made.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	require.NoError(t, err)
	return *made.QueueUrl, got.Attributes["QueueArn"]
}

// Bury puts a message among the dead letters.
func Bury(t testing.TB, cfg aws.Config, deadLetters, body string) {
	t.Helper()
	_, err := sqs.NewFromConfig(cfg).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(deadLetters), MessageBody: aws.String(body)})
	require.NoError(t, err)
}
