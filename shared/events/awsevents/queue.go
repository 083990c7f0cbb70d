package awsevents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/micropay/micropay/shared/events"
)

// Queue is an SQS queue.
type Queue struct {
	client     *sqs.Client
	url        string
	visibility time.Duration
	wait       time.Duration

	mu      sync.Mutex
	redrive *redrivePolicy // read once
}

var (
	_ events.Queue       = (*Queue)(nil)
	_ events.DeadLetters = (*Queue)(nil)
)

// NewQueue reads the queue of that URL. A received message is hidden for visibility; a call waits
// up to wait for a message. Both are counted in seconds; SQS waits at most 20.
func NewQueue(cfg aws.Config, url string, visibility, wait time.Duration) *Queue {
	return &Queue{client: sqs.NewFromConfig(cfg), url: url, visibility: visibility, wait: wait}
}

// Receive implements events.Queue.
func (q *Queue) Receive(ctx context.Context, most int) ([]events.Message, error) {
	last, err := q.maxReceives(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, q.wait+callTimeout)
	defer cancel()
	answer, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(q.url), MaxNumberOfMessages: int32(min(most, batchEvents)), //nolint:gosec // at most 10
		WaitTimeSeconds: seconds(q.wait), VisibilityTimeout: seconds(q.visibility),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return nil, fmt.Errorf("sqs: receive: %w", err)
	}
	ms := make([]events.Message, len(answer.Messages))
	for i, m := range answer.Messages {
		receives, _ := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
		ms[i] = events.Message{
			ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Body: unwrap(aws.ToString(m.Body)),
			Receives: receives, Last: last > 0 && receives >= last,
		}
	}
	return ms, nil
}

// unwrap takes an event out of the envelope that SNS puts around it where a subscription does not
// deliver raw (docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html).
func unwrap(body string) []byte {
	var wrapped struct{ Type, TopicArn, Message string }
	if json.Unmarshal([]byte(body), &wrapped) == nil && wrapped.Type == "Notification" && wrapped.TopicArn != "" {
		return []byte(wrapped.Message)
	}
	return []byte(body)
}

// Delete implements events.Queue.
func (q *Queue) Delete(ctx context.Context, m events.Message) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(q.url), ReceiptHandle: aws.String(m.Receipt)})
	return unlessGone("delete", err)
}

// Extend implements events.Queue.
func (q *Queue) Extend(ctx context.Context, m events.Message, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: aws.String(q.url), ReceiptHandle: aws.String(m.Receipt), VisibilityTimeout: seconds(d),
	})
	return unlessGone("extend", err)
}

// unlessGone lets pass that a message is not in our hands any more.
func unlessGone(doing string, err error) error {
	var gone *types.ReceiptHandleIsInvalid
	var idle *types.MessageNotInflight
	if err == nil || errors.As(err, &gone) || errors.As(err, &idle) {
		return nil
	}
	return fmt.Errorf("sqs: %s: %w", doing, err)
}

// seconds rounds up: what lasts less than a second is not nothing.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) } //nolint:gosec // minutes

type redrivePolicy struct {
	DeadLetterARN string      `json:"deadLetterTargetArn"`
	MaxReceives   json.Number `json:"maxReceiveCount"`
}

func (q *Queue) policy(ctx context.Context) (redrivePolicy, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.redrive != nil {
		return *q.redrive, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(q.url), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	if err != nil {
		return redrivePolicy{}, fmt.Errorf("sqs: read redrive policy: %w", err)
	}
	var p redrivePolicy
	if raw := answer.Attributes[string(types.QueueAttributeNameRedrivePolicy)]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &p); err != nil {
			return p, fmt.Errorf("sqs: read redrive policy: %w", err)
		}
	}
	q.redrive = &p
	return p, nil
}

func (q *Queue) maxReceives(ctx context.Context) (int, error) {
	p, err := q.policy(ctx)
	if err != nil {
		return 0, err
	}
	n, _ := p.MaxReceives.Int64() // 0: it never gives up
	return int(n), nil
}

// deadLetters is the URL of the queue behind.
func (q *Queue) deadLetters(ctx context.Context) (string, error) {
	p, err := q.policy(ctx)
	if err != nil {
		return "", err
	}
	if p.DeadLetterARN == "" {
		return "", fmt.Errorf("sqs: %s has no queue of dead letters", q.url)
	}
	name := p.DeadLetterARN[strings.LastIndexByte(p.DeadLetterARN, ':')+1:]
	answer, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err != nil {
		return "", fmt.Errorf("sqs: find dead letters: %w", err)
	}
	return aws.ToString(answer.QueueUrl), nil
}

// Dead implements events.DeadLetters; SQS counts approximately.
func (q *Queue) Dead(ctx context.Context) (int, error) {
	url, err := q.deadLetters(ctx)
	if err != nil {
		return 0, err
	}
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(url), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
	})
	if err != nil {
		return 0, fmt.Errorf("sqs: count dead letters: %w", err)
	}
	return strconv.Atoi(answer.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)])
}

// Redrive implements events.DeadLetters. A message is put back before it is taken from the dead
// letters: one that comes to be in both for a crash in between is known by its event's id.
func (q *Queue) Redrive(ctx context.Context, most int) (moved int, err error) {
	url, err := q.deadLetters(ctx)
	if err != nil {
		return 0, err
	}
	for moved < most {
		answer, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(url), MaxNumberOfMessages: int32(min(most-moved, batchEvents)), WaitTimeSeconds: 1, //nolint:gosec // at most 10
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameMessageGroupId},
		})
		if err != nil {
			return moved, fmt.Errorf("sqs: read dead letters: %w", err)
		}
		if len(answer.Messages) == 0 {
			return moved, nil
		}
		for _, m := range answer.Messages {
			if err := q.putBack(ctx, url, m); err != nil {
				return moved, err
			}
			moved++
		}
	}
	return moved, nil
}

func (q *Queue) putBack(ctx context.Context, from string, m types.Message) error {
	in := &sqs.SendMessageInput{QueueUrl: aws.String(q.url), MessageBody: m.Body}
	if strings.HasSuffix(q.url, ".fifo") {
		in.MessageGroupId = aws.String(m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)])
		in.MessageDeduplicationId = aws.String(aws.ToString(m.MessageId) + strconv.FormatInt(time.Now().UnixNano(), 36))
	}
	if _, err := q.client.SendMessage(ctx, in); err != nil {
		return fmt.Errorf("sqs: put back: %w", err)
	}
	_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(from), ReceiptHandle: m.ReceiptHandle})
	if err != nil {
		return fmt.Errorf("sqs: take from dead letters: %w", err)
	}
	return nil
}
