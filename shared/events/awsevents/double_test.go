package awsevents_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/awsevents"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/moto"
)

// double answers as AWS does, where a server that works cannot be made to.
type double struct {
	URL   string
	mu    sync.Mutex
	calls []call
}

type call struct {
	action string
	form   url.Values     // of SNS
	body   map[string]any // of SQS
}

func (d *double) seen() []call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// answering starts a double; answer gets the number of the call, from 1.
func answering(t *testing.T, answer func(n int, c call, w http.ResponseWriter)) *double {
	t.Helper()
	d := &double{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		c := call{}
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			_, c.action, _ = strings.Cut(target, ".")
			_ = json.Unmarshal(raw, &c.body)
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		} else {
			c.form, _ = url.ParseQuery(string(raw))
			c.action = c.form.Get("Action")
		}
		d.mu.Lock()
		d.calls = append(d.calls, c)
		n := len(d.calls)
		d.mu.Unlock()
		answer(n, c, w)
	}))
	t.Cleanup(s.Close)
	d.URL = s.URL
	return d
}

func fails(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>m</Message></Error></ErrorResponse>`, code)
}

func failsJSON(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":"m"}`, code)
}

// took answers PublishBatch: the ids that were taken, and those that were not.
func took(w http.ResponseWriter, good, bad []string) {
	var b strings.Builder
	for _, id := range good {
		_, _ = fmt.Fprintf(&b, `<member><Id>%s</Id><MessageId>m</MessageId></member>`, id)
	}
	failed := ""
	for _, id := range bad {
		failed += fmt.Sprintf(`<member><Id>%s</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member>`, id)
	}
	_, _ = fmt.Fprintf(w, `<PublishBatchResponse><PublishBatchResult><Successful>%s</Successful><Failed>%s</Failed></PublishBatchResult></PublishBatchResponse>`, &b, failed)
}

func ids(c call) (ids []string) {
	for n := 1; c.form.Has(fmt.Sprintf("PublishBatchRequestEntries.member.%d.Id", n)); n++ {
		ids = append(ids, c.form.Get(fmt.Sprintf("PublishBatchRequestEntries.member.%d.Id", n)))
	}
	return ids
}

const arn = "arn:aws:sns:us-east-1:123456789012:micropay"

func some(t *testing.T, n int) (es []events.Event) {
	t.Helper()
	for i := range n {
		es = append(es, queues.New(t, fmt.Sprint(i)))
	}
	return es
}

func TestTopic_SaysWhatWasTaken(t *testing.T) {
	t.Parallel()
	es := some(t, 3)
	d := answering(t, func(_ int, c call, w http.ResponseWriter) { took(w, ids(c)[:2], ids(c)[2:]) })
	published, err := awsevents.NewTopic(moto.ConfigOf(d.URL), arn).Publish(t.Context(), es)
	require.ErrorContains(t, err, "InternalError")
	require.ErrorContains(t, err, es[2].ID)
	require.Equal(t, []string{es[0].ID, es[1].ID}, published)
	first := d.seen()[0].form
	require.Equal(t, "target", first.Get("PublishBatchRequestEntries.member.1.MessageAttributes.entry.2.Name"))
	require.Empty(t, first.Get("PublishBatchRequestEntries.member.1.MessageGroupId"))
}

func TestTopic_FIFO_NeverOvertakes(t *testing.T) {
	t.Parallel()
	es := some(t, 25)
	for i := range es {
		es[i].Key = fmt.Sprint("wallet ", i%10)
	}
	d := answering(t, func(n int, c call, w http.ResponseWriter) {
		if n == 2 {
			took(w, ids(c)[:4], ids(c)[4:])
			return
		}
		took(w, ids(c), nil)
	})
	published, err := awsevents.NewTopic(moto.ConfigOf(d.URL), arn+".fifo").Publish(t.Context(), es)
	require.Error(t, err)
	require.Len(t, published, 14)
	require.Len(t, d.seen(), 2, "the third batch waits for the second")
	first := d.seen()[0].form
	require.Equal(t, es[0].Key, first.Get("PublishBatchRequestEntries.member.1.MessageGroupId"))
	require.Equal(t, es[0].ID, first.Get("PublishBatchRequestEntries.member.1.MessageDeduplicationId"))
}

// SNS may take one entry of a batch and not another: none of them may be the other's successor.
func TestTopic_FIFO_WhatFailedIsNotOvertakenByTheNextOfItsKey(t *testing.T) {
	t.Parallel()
	es := some(t, 6)
	for i := range es {
		es[i].Key = []string{"hot", "hot", "other"}[i%3]
	}
	d := answering(t, func(_ int, c call, w http.ResponseWriter) {
		var good, bad []string
		for _, id := range ids(c) {
			if id == es[0].ID {
				bad = append(bad, id)
			} else {
				good = append(good, id)
			}
		}
		took(w, good, bad)
	})
	published, err := awsevents.NewTopic(moto.ConfigOf(d.URL), arn+".fifo").Publish(t.Context(), es)
	require.ErrorContains(t, err, es[0].ID)
	for i, e := range es {
		require.False(t, e.Key == "hot" && slices.Contains(published, e.ID), "event %d overtook the first", i)
	}
}

func TestTopic_ManySmallAndFewLarge_FitTheirBatches(t *testing.T) {
	t.Parallel()
	d := answering(t, func(_ int, c call, w http.ResponseWriter) { took(w, ids(c), nil) })
	large := some(t, 3)
	for i := range large {
		large[i].Data = json.RawMessage(`{"x":"` + strings.Repeat("x", 100<<10) + `"}`)
	}
	published, err := awsevents.NewTopic(moto.ConfigOf(d.URL), arn).Publish(t.Context(), append(large, some(t, 21)...))
	require.NoError(t, err)
	require.Len(t, published, 24)
	require.Len(t, d.seen(), 4)
	bad := some(t, 1)
	bad[0].Data = json.RawMessage(`{`)
	_, err = awsevents.NewTopic(moto.ConfigOf(d.URL), arn).Publish(t.Context(), bad)
	require.ErrorContains(t, err, bad[0].ID)
}

func TestTopic_Throttled_TriesAgain_AndGivesUp(t *testing.T) {
	t.Parallel()
	d := answering(t, func(n int, c call, w http.ResponseWriter) {
		if n == 1 {
			fails(w, http.StatusBadRequest, "ThrottlingException")
			return
		}
		took(w, ids(c), nil)
	})
	_, err := awsevents.NewTopic(moto.ConfigOf(d.URL), arn).Publish(t.Context(), some(t, 1))
	require.NoError(t, err)

	expired := answering(t, func(_ int, _ call, w http.ResponseWriter) { fails(w, http.StatusForbidden, "ExpiredToken") })
	published, err := awsevents.NewTopic(moto.ConfigOf(expired.URL), arn).Publish(t.Context(), some(t, 12))
	require.ErrorContains(t, err, "ExpiredToken")
	require.Empty(t, published)
}

func queue(d *double) *awsevents.Queue {
	return awsevents.NewQueue(moto.ConfigOf(d.URL), d.URL+"/123456789012/q", 1500*time.Millisecond, time.Second)
}

func TestQueue_TakesEventsOutOfWhatSNSPutsAroundThem(t *testing.T) {
	t.Parallel()
	wrapped, err := json.Marshal(map[string]string{"Type": "Notification", "TopicArn": arn, "Message": "inner", "MessageId": "1"})
	require.NoError(t, err)
	d := answering(t, func(_ int, c call, w http.ResponseWriter) {
		if c.action == "GetQueueAttributes" {
			_, _ = w.Write([]byte(`{"Attributes":{}}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Messages": []any{
			map[string]any{"MessageId": "1", "ReceiptHandle": "r", "Body": string(wrapped), "Attributes": map[string]string{"ApproximateReceiveCount": "7"}},
			map[string]any{"MessageId": "2", "ReceiptHandle": "r", "Body": `{"Type":"Notification"}`},
		}})
	})
	ms, err := queue(d).Receive(t.Context(), 25)
	require.NoError(t, err)
	require.Equal(t, "inner", string(ms[0].Body))
	require.Equal(t, 7, ms[0].Receives)
	require.False(t, ms[0].Last, "a queue without dead letters never gives up")
	require.JSONEq(t, `{"Type":"Notification"}`, string(ms[1].Body))
	asked := d.seen()[1].body
	require.InDelta(t, 10, asked["MaxNumberOfMessages"], 0, "SQS hands out no more")
	require.InDelta(t, 2, asked["VisibilityTimeout"], 0, "rounded up")
	_, err = queue(d).Dead(t.Context())
	require.ErrorContains(t, err, "no queue of dead letters")
}

func TestQueue_WhatIsGoneIsNoError_WhatIsAwayIs(t *testing.T) {
	t.Parallel()
	for code, gone := range map[string]bool{"ReceiptHandleIsInvalid": true, "MessageNotInflight": true, "AccessDeniedException": false} {
		d := answering(t, func(_ int, _ call, w http.ResponseWriter) { failsJSON(w, http.StatusBadRequest, code) })
		q, m := queue(d), events.Message{ID: "1", Receipt: "r"}
		for _, err := range []error{q.Delete(t.Context(), m), q.Extend(t.Context(), m, time.Minute)} {
			if gone {
				require.NoError(t, err, code)
			} else {
				require.ErrorContains(t, err, code)
			}
		}
	}
}

// Every step of bringing dead letters back may fail; none of them loses one.
func TestQueue_Redrive_LosesNothing(t *testing.T) {
	t.Parallel()
	const policy = `{"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:123456789012:dead.fifo\",\"maxReceiveCount\":3}","ApproximateNumberOfMessages":"x"}}`
	for _, failing := range []string{"GetQueueAttributes", "GetQueueUrl", "ReceiveMessage", "SendMessage", "DeleteMessage", ""} {
		received := 0
		d := answering(t, func(_ int, c call, w http.ResponseWriter) {
			switch {
			case c.action == failing:
				failsJSON(w, http.StatusBadRequest, "AccessDeniedException")
			case c.action == "GetQueueAttributes":
				_, _ = w.Write([]byte(policy))
			case c.action == "GetQueueUrl":
				_, _ = fmt.Fprintf(w, `{"QueueUrl":"https://sqs/dead.fifo"}`)
			case c.action == "ReceiveMessage" && received == 0:
				received++
				_, _ = w.Write([]byte(`{"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"b","Attributes":{"MessageGroupId":"g"}}]}`))
			default:
				_, _ = w.Write([]byte(`{}`))
			}
		})
		q := awsevents.NewQueue(moto.ConfigOf(d.URL), d.URL+"/123456789012/q.fifo", time.Second, time.Second)
		moved, err := q.Redrive(t.Context(), 5)
		deleted := false
		for _, c := range d.seen() {
			if c.action == "SendMessage" {
				require.Equal(t, "g", c.body["MessageGroupId"])
			}
			deleted = deleted || c.action == "DeleteMessage"
		}
		if failing == "" {
			require.NoError(t, err)
			require.Equal(t, 1, moved)
			_, err = q.Dead(t.Context())
			require.Error(t, err, "a count that is no number")
			continue
		}
		require.ErrorContains(t, err, "AccessDenied", failing)
		require.Zero(t, moved)
		require.Equal(t, failing == "DeleteMessage", deleted, "put back before it is taken away")
		if failing == "GetQueueAttributes" {
			_, err = q.Receive(t.Context(), 1)
			require.Error(t, err)
		}
		if failing == "GetQueueAttributes" || failing == "GetQueueUrl" {
			_, err = q.Dead(t.Context())
			require.Error(t, err)
		}
	}
}

func TestQueue_APolicyThatCannotBeRead_IsAnError(t *testing.T) {
	t.Parallel()
	d := answering(t, func(_ int, _ call, w http.ResponseWriter) {
		_, _ = w.Write([]byte(`{"Attributes":{"RedrivePolicy":"{"}}`))
	})
	_, err := queue(d).Receive(t.Context(), 1)
	require.ErrorContains(t, err, "redrive policy")
}
