package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// traffic is people paying each other until stopped, and what each was answered.
type traffic struct {
	*world
	before  int // transfers that stood when it began
	stopped chan struct{}
	workers sync.WaitGroup

	mu       sync.Mutex
	balances []int      // of the people, as the answers say
	made     []*attempt // answered with 201
	unknown  []*attempt
	slowest  time.Duration
}

type attempt struct {
	key              string
	from, to, amount int
	id               string
}

func (w *world) traffic(workers int) *traffic {
	w.t.Helper()
	t := &traffic{world: w, before: w.transfers(), stopped: make(chan struct{})}
	for _, p := range w.people {
		t.balances = append(t.balances, w.balance(p))
	}
	for range workers {
		t.workers.Go(t.work)
	}
	return t
}

func (t *traffic) work() {
	for {
		select {
		case <-t.stopped:
			return
		default:
		}
		from := rand.IntN(len(t.people))
		to := (from + 1 + rand.IntN(len(t.people)-1)) % len(t.people)
		a := &attempt{key: uuid.NewString(), from: from, to: to, amount: 1 + rand.IntN(200)}
		if t.try(a) {
			t.mu.Lock()
			t.unknown = append(t.unknown, a)
			t.mu.Unlock()
			time.Sleep(5 * time.Millisecond) // as a client backs off
		}
	}
}

// try sends an attempt and says whether its outcome is unknown.
func (t *traffic) try(a *attempt) bool {
	got := t.pay(t.people[a.from], t.people[a.to], a.amount, a.key)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowest = max(t.slowest, got.Took)
	switch {
	case got.unknown():
		return true
	case got.Status == http.StatusCreated:
		a.id = fmt.Sprint(got.Body["id"])
		t.made = append(t.made, a)
		t.balances[a.from] -= a.amount
		t.balances[a.to] += a.amount
	case got.code() != "insufficient_funds":
		t.t.Errorf("refused: %d %s", got.Status, got.Text)
	}
	return false
}

// count is how many were answered with 201 so far.
func (t *traffic) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.made)
}

// flows waits for n more answered transfers.
func (t *traffic) flows(n int) {
	t.t.Helper()
	n += t.count()
	require.Eventually(t.t, func() bool { return t.count() >= n }, 30*time.Second, 5*time.Millisecond)
}

// settle stops the traffic, asks again with the same key about every unknown outcome until it
// is known, and holds the platform to its promises.
func (t *traffic) settle() {
	t.t.Helper()
	close(t.stopped)
	t.workers.Wait()
	asked := len(t.unknown)
	for until := time.Now().Add(time.Minute); len(t.unknown) > 0; {
		require.True(t.t, time.Now().Before(until), "%d outcomes stay unknown", len(t.unknown))
		if t.try(t.unknown[0]) {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		t.unknown = t.unknown[1:]
	}
	t.t.Logf("%d transfers, %d outcomes had to be asked for again, slowest answer %v", len(t.made), asked, t.slowest.Round(time.Millisecond))
	if t.server != nil {
		t.admin = t.open(t.server.AdminDSN()) // the old sessions may be gone
	}
	require.Equal(t.t, t.before+len(t.made), t.transfers(), "each key that was answered with 201 made one transfer, no other made any")
	for i, p := range t.people {
		require.Equal(t.t, t.balances[i], t.balance(p), "the balance is what the answers say")
	}
	for _, a := range t.made[:min(len(t.made), 100)] {
		got := t.get(t.people[a.from], "/transaction/transfers/"+a.id)
		require.Equal(t.t, http.StatusOK, got.Status, "an answered transfer is there")
		require.InDelta(t.t, a.amount, got.Body["amount"], 0)
	}
	t.clean()
}
