package faults_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pgproxy"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/torture"
)

// The line breaks around the very commit that moves money: before the server sees it, after it
// has done it, or the answer just never comes.
func TestCommitCut_TheOutcomeIsUnknownAndThenExactlyOne(t *testing.T) {
	t.Parallel()
	var proxy *pgproxy.Proxy
	w := newWorld(t, options{people: 4, via: func(t *testing.T, s *pgtest.Server) string {
		proxy = pgproxy.New(t, s.AdminDSN())
		proxy.CountAsCommit("FROM post_group(")
		return proxy.DSN
	}})
	for name, cut := range map[string]func(int){
		"before": proxy.CutBeforeCommit, "after": proxy.CutAfterCommit, "swallowed": proxy.SwallowCommit,
	} {
		key, before := uuid.NewString(), w.transfers()
		cut(1)
		first := w.pay(w.people[0], w.people[1], 7, key)
		require.Equal(t, 503, first.Status, "%s: %s", name, first.Text)
		moved := w.transfers() - before
		if name == "before" {
			require.Zero(t, moved)
		} else {
			require.Equal(t, 1, moved, "done, though nobody heard")
		}
		again := w.pay(w.people[0], w.people[1], 7, key)
		require.Equal(t, 201, again.Status, "%s: %s", name, again.Text)
		require.Equal(t, name != "before", again.Header.Get("Idempotency-Replayed") == "true")
		require.Equal(t, before+1, w.transfers())
	}
	tr := w.traffic(8)
	for range 5 * torture.Times() {
		proxy.CutAfterCommit(1)
		proxy.PassCommit(2)
		proxy.CutBeforeCommit(1)
		tr.flows(20)
		proxy.KillAll()
		tr.flows(20)
	}
	tr.settle()
}
