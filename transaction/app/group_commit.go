package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// GroupCommitter commits postings in groups: while one group commits, the next gathers. When
// nothing is under way a posting is committed at once, so nobody ever waits for a timer.
type GroupCommitter struct {
	ledger  ports.Ledger
	most    int           // postings in a group
	timeout time.Duration // of one group

	mu         sync.Mutex
	queue      []*waiter
	committing bool
}

type waiter struct {
	posting domain.Posting
	ctx     context.Context
	answer  chan answer // buffered: nobody waits for one who left
}

type answer struct {
	posted ports.Posted
	err    error
}

// NewGroupCommitter commits groups of up to most postings, each group within timeout.
func NewGroupCommitter(ledger ports.Ledger, most int, timeout time.Duration) *GroupCommitter {
	return &GroupCommitter{ledger: ledger, most: most, timeout: timeout}
}

// Post waits for the commit of the group that p goes with. Who leaves before that group is
// formed is left out of it; later the group goes on without them.
//
// Errors: a domain.Refusal, ports.ErrUnavailable, or the context's; after the last two the
// posting may stand, and is found by its key.
func (g *GroupCommitter) Post(ctx context.Context, p domain.Posting) (ports.Posted, error) {
	w := &waiter{posting: p, ctx: ctx, answer: make(chan answer, 1)}
	g.mu.Lock()
	g.queue = append(g.queue, w)
	idle := !g.committing
	g.committing = true
	g.mu.Unlock()
	if idle {
		go g.drain()
	}
	select {
	case a := <-w.answer:
		return a.posted, errors.Join(a.err, a.posted.Err)
	case <-ctx.Done():
		return ports.Posted{}, ctx.Err()
	}
}

func (g *GroupCommitter) drain() {
	for {
		group := g.next()
		if len(group) == 0 {
			return
		}
		g.commit(group)
	}
}

// next takes the next group off the queue. A posting whose key is in the group already waits
// for the group after it, where it finds the first one's effect.
func (g *GroupCommitter) next() []*waiter {
	type owned struct {
		caller domain.OwnerID
		key    string
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var group, later []*waiter
	taken := map[owned]bool{}
	for i, w := range g.queue {
		if len(group) == g.most {
			later = append(later, g.queue[i:]...)
			break
		}
		key := owned{w.posting.Caller.ID, w.posting.Key.Value}
		switch {
		case w.ctx.Err() != nil:
		case key.key != "" && taken[key]:
			later = append(later, w)
		default:
			taken[key] = true
			group = append(group, w)
		}
	}
	g.queue = later
	g.committing = len(group) > 0
	return group
}

// commit outlives the callers: a client that hangs up does not undo its neighbours.
func (g *GroupCommitter) commit(group []*waiter) {
	ctx, cancel := context.WithTimeout(context.Background(), g.timeout)
	defer cancel()
	postings := make([]domain.Posting, len(group))
	for i, w := range group {
		postings[i] = w.posting
	}
	posted, err := g.ledger.Post(ctx, postings)
	if err != nil && len(group) > 1 && !errors.Is(err, ports.ErrUnavailable) {
		for _, w := range group { // one of them is poison; it fails alone
			g.commit([]*waiter{w})
		}
		return
	}
	for i, w := range group {
		if err != nil {
			w.answer <- answer{err: err}
			continue
		}
		w.answer <- answer{posted: posted[i]}
	}
}
