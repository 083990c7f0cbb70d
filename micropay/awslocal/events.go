package awslocal

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/transaction"
)

// events makes the topic and behind it a queue for each service, filtered by target, delivered raw,
// with a queue of dead letters behind.
func (c Config) events(ctx context.Context, settings map[string]string) error {
	topics, queues := sns.NewFromConfig(c.AWS), sqs.NewFromConfig(c.AWS)
	topic, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(topicName)})
	if err != nil {
		return err
	}
	settings["SNS_TOPIC_ARN"] = aws.ToString(topic.TopicArn)
	for target, variable := range map[string]string{auth.Schema: "AUTH_QUEUE_URL", transaction.Schema: "TRANSACTION_QUEUE_URL"} {
		_, dead, err := queue(ctx, queues, "micropay-sqs-"+target+"-dead", nil)
		if err != nil {
			return err
		}
		url, arn, err := queue(ctx, queues, "micropay-sqs-"+target, map[string]string{
			"VisibilityTimeout": "30", "RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, dead, MaxReceives),
		})
		if err != nil {
			return err
		}
		settings[variable] = url
		if _, err := topics.Subscribe(ctx, &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(arn),
			Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": fmt.Sprintf(`{"target":[%q]}`, target)},
		}); err != nil {
			return err
		}
	}
	return nil
}

func queue(ctx context.Context, client *sqs.Client, name string, attributes map[string]string) (url, arn string, err error) {
	made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	if err != nil {
		return "", "", err
	}
	got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: made.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", "", err
	}
	return aws.ToString(made.QueueUrl), got.Attributes["QueueArn"], nil
}
