// Package awsevents carries events over Amazon SNS and SQS.
//
// A topic gets all events; each service has a queue behind it, whose subscription filters by the
// attribute target and delivers raw. Behind each queue is one of dead letters.
package awsevents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/micropay/micropay/shared/events"
)

// The attributes of a message, for filter policies.
const (
	attributeType   = "event_type"
	attributeTarget = "target"
)

// The bounds of PublishBatch (docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html).
const (
	batchEvents = 10
	batchBytes  = 256 << 10
)

const (
	callTimeout = 5 * time.Second
	atOnce      = 8 // batches under way at a time
)

// Topic publishes to an SNS topic. To a FIFO topic (whose name ends in .fifo) events of one key
// go in their order, and SNS drops those it had in the last five minutes.
type Topic struct {
	client *sns.Client
	arn    string
	fifo   bool
}

var _ events.Publisher = (*Topic)(nil)

// NewTopic publishes to the topic of that ARN.
func NewTopic(cfg aws.Config, arn string) *Topic {
	return &Topic{client: sns.NewFromConfig(cfg), arn: arn, fifo: strings.HasSuffix(arn, ".fifo")}
}

// Publish implements events.Publisher.
func (t *Topic) Publish(ctx context.Context, es []events.Event) (published []string, err error) {
	if !t.fifo {
		return t.publish(ctx, es)
	}
	for _, wave := range waves(es) {
		ids, err := t.publish(ctx, wave)
		published = append(published, ids...)
		if err != nil { // what comes after it must not overtake it
			return published, err
		}
	}
	return published, nil
}

// waves deals events out so that each wave has one of a key at most, since SNS may take one entry
// of a batch and refuse another.
func waves(es []events.Event) (dealt [][]events.Event) {
	seen := map[string]int{}
	for _, e := range es {
		n := seen[e.Key]
		seen[e.Key]++
		if n == len(dealt) {
			dealt = append(dealt, nil)
		}
		dealt[n] = append(dealt[n], e)
	}
	return dealt
}

// publish sends events that need no order.
func (t *Topic) publish(ctx context.Context, es []events.Event) (published []string, err error) {
	batches, err := t.batches(es)
	if err != nil {
		return nil, err
	}
	var (
		mu     sync.Mutex
		errs   []error
		work   sync.WaitGroup
		places = make(chan struct{}, atOnce)
	)
	for _, b := range batches {
		places <- struct{}{}
		work.Go(func() {
			defer func() { <-places }()
			ids, err := t.send(ctx, b)
			mu.Lock()
			defer mu.Unlock()
			published, errs = append(published, ids...), append(errs, err)
		})
	}
	work.Wait()
	return published, errors.Join(errs...)
}

// batches packs events as SNS takes them, in their order.
func (t *Topic) batches(es []events.Event) (batches [][]types.PublishBatchRequestEntry, err error) {
	room := 0
	for _, e := range es {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("sns: event %s: %w", e.ID, err)
		}
		entry := types.PublishBatchRequestEntry{
			Id: aws.String(e.ID), Message: aws.String(string(body)),
			MessageAttributes: map[string]types.MessageAttributeValue{
				attributeType: {DataType: aws.String("String"), StringValue: aws.String(e.Type)},
			},
		}
		if target := events.Targets[e.Type]; target != "" {
			entry.MessageAttributes[attributeTarget] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(target)}
		}
		if t.fifo {
			entry.MessageGroupId, entry.MessageDeduplicationId = aws.String(e.Key), aws.String(e.ID)
		}
		size := len(body) + 200 // its attributes
		last := len(batches) - 1
		if last < 0 || len(batches[last]) == batchEvents || size > room {
			batches, room, last = append(batches, nil), batchBytes, last+1
		}
		batches[last] = append(batches[last], entry)
		room -= size
	}
	return batches, nil
}

// send publishes one batch and says what SNS has.
func (t *Topic) send(ctx context.Context, batch []types.PublishBatchRequestEntry) (published []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := t.client.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: aws.String(t.arn), PublishBatchRequestEntries: batch})
	if err != nil {
		return nil, fmt.Errorf("sns: %w", err)
	}
	for _, e := range answer.Successful {
		published = append(published, aws.ToString(e.Id))
	}
	for _, e := range answer.Failed {
		err = errors.Join(err, fmt.Errorf("sns: event %s: %s %s", aws.ToString(e.Id), aws.ToString(e.Code), aws.ToString(e.Message)))
	}
	return published, err
}
