package awsfault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/awsfault"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/goaws"
)

// world is a topic and a queue behind a proxy, and clients that try once.
type world struct {
	*awsfault.Proxy
	queues.Names
	topics *sns.Client
	queues *sqs.Client
}

func setup(t *testing.T) world {
	t.Helper()
	p := awsfault.New(t, goaws.New(t).URL)
	cfg := p.AWSConfig()
	cfg.Retryer = func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 1) }
	return world{p, queues.Provision(t, cfg, false, "auth"), sns.NewFromConfig(cfg), sqs.NewFromConfig(cfg)}
}

func (w world) publish(ctx context.Context, text string) error {
	_, err := w.topics.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: &w.Topic, PublishBatchRequestEntries: []snstypes.PublishBatchRequestEntry{{
		Id: aws.String("1"), Message: &text,
		MessageAttributes: map[string]snstypes.MessageAttributeValue{"target": {DataType: aws.String("String"), StringValue: aws.String("auth")}},
	}}})
	return err
}

// receive is how often each text came in so many calls. What comes is deleted.
func (w world) receive(t *testing.T, calls int) map[string]int {
	t.Helper()
	got, url := map[string]int{}, w.Queues["auth"]
	for range calls {
		answer, err := w.queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 3})
		require.NoError(t, err)
		require.LessOrEqual(t, len(answer.Messages), 3)
		for _, m := range answer.Messages {
			got[*m.Body]++
			_, err := w.queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
			require.NoError(t, err)
		}
	}
	return got
}

func TestProxy_WithoutFault_PassesAllOnAndTells(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var seen []string
	w.Observe("PublishBatch", func(request, answer []byte) { seen = append(seen, string(request), string(answer)) })
	require.NoError(t, w.publish(t.Context(), "hello"))
	require.Equal(t, map[string]int{"hello": 1}, w.receive(t, 2))
	require.Equal(t, 1, w.Calls("PublishBatch"))
	require.Contains(t, seen[0], "hello")
	require.Contains(t, seen[1], "Successful")
}

func TestProxy_Refusals_AreThoseOfAWSAndDoNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	url := w.Queues["auth"]
	for _, e := range []awsfault.Error{awsfault.InternalError, awsfault.Throttled, awsfault.Expired} {
		w.Set("PublishBatch", awsfault.Fault{Error: e})
		w.Set("ReceiveMessage", awsfault.Fault{Error: e})
		var refused smithy.APIError
		require.ErrorAs(t, w.publish(t.Context(), "refused"), &refused)
		require.Equal(t, e.Code, refused.ErrorCode())
		_, err := w.queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
		require.ErrorAs(t, err, &refused)
		require.Equal(t, e.Code, refused.ErrorCode())
	}
	w.Set("PublishBatch", awsfault.Fault{Down: true})
	require.Error(t, w.publish(t.Context(), "down"))
	w.Heal("PublishBatch", "ReceiveMessage")
	require.Empty(t, w.receive(t, 2))
	require.NoError(t, w.publish(t.Context(), "healed"))
}

func TestProxy_SlowHangingAndLost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w.Set("PublishBatch", awsfault.Fault{Hang: true})
	require.ErrorIs(t, w.publish(short, "hangs"), context.DeadlineExceeded)
	w.Set("PublishBatch", awsfault.Fault{Slow: 20 * time.Millisecond})
	began := time.Now()
	require.NoError(t, w.publish(t.Context(), "slow"))
	require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
	w.Set("PublishBatch", awsfault.Fault{Lost: true})
	require.Error(t, w.publish(t.Context(), "lost"))
	require.Equal(t, map[string]int{"slow": 1, "lost": 1}, w.receive(t, 3), "what was lost is the answer")
	w.Set("PublishBatch", awsfault.Fault{Down: true, Share: .5})
	failed := 0
	for range 100 {
		if w.publish(t.Context(), "perhaps") != nil {
			failed++
		}
	}
	require.InDelta(t, 50, failed, 40)
}

func TestProxy_Again_HandsOutTwiceWhatWasReceived(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Set("ReceiveMessage", awsfault.Fault{Again: 4})
	for n := range 20 {
		require.NoError(t, w.publish(t.Context(), fmt.Sprint(n)))
	}
	got, total := w.receive(t, 100), 0
	require.Len(t, got, 20)
	for _, times := range got {
		require.LessOrEqual(t, times, 5)
		total += times
	}
	require.Greater(t, total, 25)
	w.Heal("ReceiveMessage")
	require.Empty(t, w.receive(t, 2))
}

func TestProxy_Serve_DoesAnActionItself(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Serve("SendEmail", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.WriteHeader(http.StatusAccepted)
		_, _ = rw.Write(body)
	}))
	post := func() (int, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/v2/email/outbound-emails", http.NoBody)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, "", err
		}
		var refusal struct {
			Type string `json:"__type"`
		}
		_ = json.NewDecoder(resp.Body).Decode(&refusal)
		return resp.StatusCode, refusal.Type, resp.Body.Close()
	}
	status, _, err := post()
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, status)
	w.Set("SendEmail", awsfault.Fault{Error: awsfault.Throttled})
	_, kind, err := post()
	require.NoError(t, err)
	require.Contains(t, kind, "ThrottlingException")
	w.Set("SendEmail", awsfault.Fault{Lost: true})
	_, _, err = post()
	require.Error(t, err)
	require.Equal(t, 3, w.Calls("SendEmail"))
}
