package faults_test

import (
	"net/http"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/testing/awsfault"
	"github.com/micropay/micropay/testing/goaws"
	"github.com/micropay/micropay/testing/torture"
)

// Relays die by SIGKILL when SNS has an event and they have not noted so, while another is cut off
// from SNS all the time: nothing is lost, what comes twice is the same, and the events of a wallet
// keep their order.
func TestRelaysKilled_EveryEventIsTold_InTheOrderOfItsWallet(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{fifo: true, people: 3, env: []string{"OUTBOX_LEASE=1s"}})
	w.relayed()
	w.aws.Set("PublishBatch", awsfault.Fault{Down: true})
	deadly := awsfault.New(t, goaws.New(t).URL)
	w.env["transaction"] = append(w.env["transaction"], "AWS_ENDPOINT_URL="+deadly.URL)
	deadly.Observe("PublishBatch", w.topic.hear)
	var victims atomic.Pointer[[]*exec.Cmd]
	deadly.Observe("PublishBatch", func([]byte, []byte) {
		if all := victims.Swap(nil); all != nil {
			for _, v := range *all {
				_ = v.Process.Kill()
			}
		}
	})
	kills := 3 * torture.Times()
	for range kills {
		two := []*exec.Cmd{w.spawn("transaction"), w.spawn("transaction")}
		victims.Store(&two)
		w.payments(60)
		require.Eventually(t, func() bool { return victims.Load() == nil }, 20*time.Second, 5*time.Millisecond, "%s", w.log)
		for _, dead := range two {
			_ = dead.Wait()
		}
	}
	w.spawn("transaction")
	w.relayed()
	w.aws.Heal("PublishBatch")
	w.publishedIsCommitted()
	twice := w.inOrder()
	t.Logf("%d relays killed, %d events came twice", 2*kills, twice)
	require.Positive(t, twice, "who dies before noting it publishes again")
	w.clean()
}

// inOrder demands that the first comings of the events of each key are in the order in which they
// were stored, and that later ones are the same. It returns how many of these there were.
func (w *eventWorld) inOrder() (twice int) {
	w.t.Helper()
	var rows []struct {
		ID  string `db:"id"`
		Seq int64  `db:"seq"`
	}
	require.NoError(w.t, w.admin.SelectContext(w.t.Context(), &rows, `SELECT id, seq FROM transaction.outbox`))
	seq := map[string]int64{}
	for _, r := range rows {
		seq[r.ID] = r.Seq
	}
	first, last := map[string]events.Event{}, map[string]int64{}
	for _, e := range w.topic.events() {
		if e.Source != "/micropay/transaction" {
			continue
		}
		if known, again := first[e.ID]; again {
			require.Equal(w.t, known, e)
			twice++
			continue
		}
		first[e.ID] = e
		require.Greater(w.t, seq[e.ID], last[e.Key], "wallet %s", e.Key)
		last[e.Key] = seq[e.ID]
	}
	return twice
}

// What is refused, or rolled back with the session that did it, is told to nobody.
func TestRefusedAndRolledBack_TellNothing(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 4})
	before := w.count(`SELECT count(*) FROM transaction.outbox`)
	atOnce(100*torture.Times(), 8, func(i int) {
		body := transferOf(w.people[i%4], w.people[(i+1)%4], 1)
		switch i % 4 {
		case 0:
			body["amount"] = start * 100
		case 1:
			body["to_wallet_id"] = uuid.NewString()
		case 2:
			body["currency"] = "EUR"
		case 3:
			body["from_wallet_id"] = w.people[(i+2)%4].wallet
		}
		a := w.call(w.people[i%4], uuid.NewString(), http.MethodPost, "/transaction/transfers", body)
		if a.Status < 400 || a.Status >= 500 {
			t.Errorf("%d %s", a.Status, a.Text)
		}
	})
	require.Equal(t, before, w.count(`SELECT count(*) FROM transaction.outbox`))
	tr, killed := w.traffic(8), 0
	for range 5 * torture.Times() {
		tr.flows(10)
		killed += w.count(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'micropay transaction'`)
	}
	tr.flows(10)
	tr.settle()
	require.Positive(t, killed)
	w.relayed()
	w.publishedIsCommitted()
}
