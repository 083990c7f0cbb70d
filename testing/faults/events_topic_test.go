package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/awsfault"
	"github.com/micropay/micropay/testing/torture"
)

// SNS is away under transfers: nobody who pays notices, the lag can be seen, and all catches up.
func TestTopicAway_PayersDoNotNoticeAndAllCatchesUp(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 4})
	up := w.latency(60 * torture.Times())
	var slower time.Duration
	for _, fault := range []awsfault.Fault{{Down: true}, {Hang: true}, {Error: awsfault.InternalError}} {
		w.aws.Set("PublishBatch", fault)
		slower = max(slower, w.latency(60*torture.Times()))
		require.Positive(t, w.metric("transaction", "outbox_unpublished"))
		require.Positive(t, w.metric("transaction", "outbox_oldest_unpublished_seconds"))
		w.aws.Heal("PublishBatch")
		w.relayed()
	}
	t.Logf("median answer: %v with SNS, %v without", up, slower)
	require.Less(t, slower, 5*up+100*time.Millisecond)
	require.Zero(t, w.metric("transaction", "outbox_unpublished"))
	w.publishedIsCommitted()
	w.clean()
}

// latency is the median of how long a transfer takes.
func (w *eventWorld) latency(n int) time.Duration {
	took := make([]time.Duration, n)
	atOnce(n, 4, func(i int) {
		began := time.Now()
		w.payments(1)
		took[i] = time.Since(began)
	})
	slices.Sort(took)
	return took[n/2]
}
