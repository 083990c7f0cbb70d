package faults_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/awsfault"
	"github.com/micropay/micropay/testing/goaws"
	"github.com/micropay/micropay/testing/torture"
)

// Every message comes one to five times, in any order, to two consumers, also at once.
func TestMessagesRepeatedAndReordered_OneLetterEach(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 4})
	w.running(w.newAuth(prometheus.NewRegistry()).Run)
	w.aws.Set("ReceiveMessage", awsfault.Fault{Again: 4})
	w.aws.Set("PublishBatch", awsfault.Fault{Lost: true, Share: .3}) // which doubles them on the other side
	deeds := w.payments(150 * torture.Times())
	w.told(deeds)
	handled := w.count(`SELECT count(*) FROM auth.inbox`)
	t.Logf("%d events, %d deletions", handled, w.aws.Calls("DeleteMessage"))
	require.Greater(t, w.aws.Calls("DeleteMessage"), 3*handled/2, "they did come more than once")
	w.publishedIsCommitted()
}

// Consumers die by SIGKILL: with a message not seen, with one done but not settled, and with a mail
// sent but not noted. Each comes again and has its effect once; only the mail may come twice, since
// SES cannot be told that it had it.
func TestConsumersKilled_EffectsHappenOnce(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 3, idle: "auth"})
	deadly := awsfault.New(t, goaws.New(t).URL)
	deadly.Serve("SendEmail", w.mail)
	w.env["auth"] = append(w.env["auth"], "AWS_ENDPOINT_URL="+deadly.URL)
	var deeds []deed
	sentAndDied := 0
	for range torture.Times() {
		for action, fault := range map[string]awsfault.Fault{
			"ReceiveMessage": {Lost: true}, "DeleteMessage": {Hang: true}, "SendEmail": {Lost: true},
		} {
			deeds = append(deeds, w.payments(20)...)
			deadly.Set(action, fault)
			calls := deadly.Calls(action)
			victim := w.spawn("auth")
			require.Eventually(t, func() bool { return deadly.Calls(action) > calls+1 }, 20*time.Second, time.Millisecond, "%s: %s", action, w.log)
			kill(victim)
			deadly.Heal(action)
			if action == "SendEmail" {
				sentAndDied++
			}
		}
	}
	w.spawn("auth")
	require.Eventually(t, func() bool {
		_, err := w.admin.ExecContext(t.Context(), `UPDATE auth.letter SET due_at = clock_timestamp() WHERE due_at > clock_timestamp() + interval '5 s'`)
		require.NoError(t, err)                                // the minute that a dead sender's letter waits
		_, err = w.authDeadLetters().Redrive(t.Context(), 100) // what too many died with
		require.NoError(t, err)
		return w.count(unpublishedSQL) == 0 && w.count(`SELECT count(*) FROM auth.letter`) == 0 && w.allWrittenTo(deeds)
	}, time.Minute, 100*time.Millisecond, "%s", w.log)
	twice := 0
	for _, d := range deeds {
		twice += w.mail.about(d.from, d.id) + w.mail.about(d.to, d.id) - 2
	}
	t.Logf("%d transfers, %d senders killed, %d letters came more than once", len(deeds), sentAndDied, twice)
	// The client tries a lost answer three times before the process is killed.
	require.LessOrEqual(t, twice, 3*sentAndDied)
}

func (w *eventWorld) allWrittenTo(deeds []deed) bool {
	for _, d := range deeds {
		if w.mail.about(d.from, d.id) == 0 || w.mail.about(d.to, d.id) == 0 {
			return false
		}
	}
	return true
}
