package faults_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/testing/awsfault"
	"github.com/micropay/micropay/testing/torture"
)

// sound is an event that auth understands.
func sound(from, to string) events.Event {
	id := uuid.Must(uuid.NewV7()).String()
	data, _ := json.Marshal(fields{
		"transfer_id": id, "kind": "transfer", "amount": 5, "currency": "USD", "description": "x", "from_user_id": from, "to_user_id": to,
	})
	return events.Event{
		ID: id, Type: events.TransferPosted, Source: "/micropay/transaction", Subject: id, Sequence: 1, Key: "k", Time: time.Now(), Data: data,
	}
}

// poison is what nobody can handle: each breaks a sound event in one place.
func poison(t *testing.T) (bodies []string) {
	t.Helper()
	ann, bob := uuid.NewString(), uuid.NewString()
	broken := func(old, new string) {
		body, err := json.Marshal(sound(ann, bob))
		require.NoError(t, err)
		require.Contains(t, string(body), old)
		bodies = append(bodies, strings.Replace(string(body), old, new, 1))
	}
	broken("{", "")
	broken("}", "")
	broken(`"specversion":"1.0"`, `"specversion":"2.0"`)
	broken("micropay.transfer.posted.v1", "micropay.transfer.posted.v99")
	broken("micropay.transfer.posted.v1", "micropay.moon.landed.v1")
	broken("micropay.transfer.posted.v1", events.UserDeleted) // not for this service
	broken(`"amount":5`, `"amount":"5"`)
	broken(`"amount":5,`, "")
	broken(`"amount":5`, `"amount":5e300`)
	broken(`"USD"`, `"usd"`)
	broken(`"transfer_id"`, `"transfer"`)
	broken(ann, "ann")
	broken(`"time":"`, `"time":"not `)
	broken(`"sequence":"1"`, `"sequence":"0"`)
	broken(`"description":"x"`, `"description":"`+strings.Repeat("x", 210<<10)+`"`)
	broken(`"id":"`, "\"id\":\"\xff\xfe")
	return append(bodies, "null", "[]", "\"\"", "0", "<xml/>", strings.Repeat("[", 100_000), `{"Type":"Notification","TopicArn":"arn:x","Message":"{"}`)
}

// Poison among good events: the dead letters are exactly the poison, all others are handled, and
// what an operator puts back comes again.
func TestPoison_BecomesDeadLetters_AndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 4})
	client := sqs.NewFromConfig(w.aws.AWSConfig(), func(o *sqs.Options) { o.DisableMessageChecksumValidation = true }) // of bytes that are no UTF-8
	url := w.names.Queues["auth"]
	bad := poison(t)
	atOnce(len(bad), 4, func(i int) {
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &bad[i]})
		if err != nil {
			t.Errorf("%v", err)
		}
	})
	began := time.Now()
	deeds := w.payments(100 * torture.Times())
	w.told(deeds)
	t.Logf("%d bad and %d good ones, all good ones told after %v", len(bad), len(deeds), time.Since(began).Round(time.Millisecond))
	w.deadAre(len(bad))
	require.ElementsMatch(t, seenAs(bad), w.deadLetters(client))
	require.NotContains(t, w.log.String(), strings.Repeat("x", 1000), "what a message says is not logged")

	for back := 0; back < len(bad); { // what was looked at is hidden for a moment
		moved, err := w.authDeadLetters().Redrive(t.Context(), len(bad)-back)
		require.NoError(t, err)
		back += moved
	}
	w.deadAre(len(bad)) // nothing about them has changed
	w.told(deeds)
}

func (w *eventWorld) deadAre(n int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		dead, err := w.authDeadLetters().Dead(w.t.Context())
		require.NoError(w.t, err)
		return dead == n
	}, 30*time.Second, 20*time.Millisecond, "%s", w.log)
}

// seenAs is what JSON makes of bytes that are not UTF-8.
func seenAs(bodies []string) []string {
	bodies = slices.Clone(bodies)
	for i := range bodies {
		bodies[i] = strings.ToValidUTF8(strings.ReplaceAll(bodies[i], "\xff\xfe", "\ufffd\ufffd"), "")
	}
	return bodies
}

// deadLetters reads them, and leaves them there.
func (w *eventWorld) deadLetters(client *sqs.Client) (bodies []string) {
	w.t.Helper()
	url := w.names.DeadLetters["auth"]
	for {
		got, err := client.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: 2})
		require.NoError(w.t, err)
		if len(got.Messages) == 0 {
			break
		}
		for _, m := range got.Messages {
			bodies = append(bodies, aws.ToString(m.Body))
		}
	}
	return bodies
}

// What could not be handled because the database refused is handled when it is put back.
func TestDeadLettersOfAnOutage_AreHandledWhenPutBack(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 3})
	w.settled()
	_, err := w.admin.ExecContext(t.Context(), `ALTER TABLE auth.letter RENAME TO lost`)
	require.NoError(t, err)
	deeds := w.payments(20 * torture.Times())
	w.deadAre(len(deeds))
	_, err = w.admin.ExecContext(t.Context(), `ALTER TABLE auth.lost RENAME TO letter`)
	require.NoError(t, err)
	moved, err := w.authDeadLetters().Redrive(t.Context(), 10*len(deeds))
	require.NoError(t, err)
	require.Equal(t, len(deeds), moved)
	w.told(deeds)
}

// SNS and SQS refuse for a while, with expired credentials and with throttling: all is tried again,
// nothing is lost, and the log has a line for each trouble, not one for each try.
func TestExpiredAndThrottled_AllIsTriedAgainAndLoggedOnce(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 4})
	var deeds []deed
	for range torture.Times() {
		for _, fault := range []awsfault.Fault{{Error: awsfault.Expired}, {Error: awsfault.Throttled, Share: .7}} {
			w.aws.Set("PublishBatch", fault)
			w.aws.Set("ReceiveMessage", fault)
			w.aws.Set("DeleteMessage", fault)
			calls := w.aws.Calls("PublishBatch")
			deeds = append(deeds, w.payments(50)...)
			require.Eventually(t, func() bool { return w.aws.Calls("PublishBatch") > calls+4 }, 20*time.Second, time.Millisecond)
			w.aws.Heal("PublishBatch", "ReceiveMessage", "DeleteMessage")
		}
	}
	w.told(deeds)
	w.publishedIsCommitted()
	refused := len(w.log.lines("outbox not relayed", "ExpiredToken", "level=WARN"))
	t.Logf("%d calls of PublishBatch, %d lines of expired credentials", w.aws.Calls("PublishBatch"), refused)
	require.Positive(t, refused)
	require.LessOrEqual(t, refused, 2*torture.Times(), "at most one for each outage: %s", w.log)
}
