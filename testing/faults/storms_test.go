package faults_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/torture"
)

// atOnce does n things, so many at a time.
func atOnce(n, workers int, do func(i int)) {
	work := make(chan int)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range work {
				do(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
}

// Storms share a world: each has people of its own in it.
func TestStorms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{people: 12})
	t.Cleanup(w.clean)
	t.Run("payments to and fro deadlock nobody", func(t *testing.T) { toAndFro(t, w, w.people[0], w.people[1]) })
	t.Run("a wallet is spent once", func(t *testing.T) { overdraft(t, w, w.people[2], w.people[3]) })
	t.Run("one key has one effect", func(t *testing.T) { oneKey(t, w, w.people[4], w.people[5]) })
	t.Run("keys are kept apart", func(t *testing.T) { keyHygiene(t, w, w.people[4], w.people[5]) })
	t.Run("history is complete under insert", func(t *testing.T) { historyUnderInsert(t, w, w.people[6], w.people[7]) })
	t.Run("the largest balance", func(t *testing.T) { largestBalance(t, w) })
	t.Run("somebody else's things", func(t *testing.T) { strangers(t, w, w.people[8], w.people[9]) })
	require.Zero(t, w.deadlocks(), "posting again hides one from clients, and takes a second")
}

// deadlocks are those of the transaction service until now. Sessions may report what they counted
// as late as when they end.
func (w *world) deadlocks() (n int) {
	w.t.Helper()
	var ended time.Time
	require.NoError(w.t, w.admin.Get(&ended, `SELECT clock_timestamp()`))
	w.server.KillBackends("micropay_transaction")
	require.Eventually(w.t, func() bool {
		var left int
		require.NoError(w.t, w.admin.Get(&left, `SELECT count(*) FROM pg_stat_activity WHERE usename = 'micropay_transaction' AND backend_start < $1`, ended))
		return left == 0
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(w.t, w.admin.Get(&n, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`))
	return n
}

func toAndFro(t *testing.T, w *world, a, b person) {
	atOnce(200*torture.Times(), 32, func(i int) {
		from, to := a, b
		if i%2 == 0 {
			from, to = b, a
		}
		if got := w.settled(from, to, 1, uuid.NewString()); got.Status != http.StatusCreated {
			t.Errorf("%d %s", got.Status, got.Text)
		}
	})
	require.Equal(t, start, w.balance(a))
	require.Equal(t, start, w.balance(b))
}

func overdraft(t *testing.T, w *world, a, b person) {
	for range torture.Times() {
		before := w.balance(a)
		share := before/14 - 1 // fits fourteen times, and something is left
		var done atomic.Int64
		atOnce(100, 32, func(int) {
			switch got := w.settled(a, b, share, uuid.NewString()); {
			case got.Status == http.StatusCreated:
				done.Add(1)
			case got.Status != http.StatusUnprocessableEntity || got.code() != "insufficient_funds":
				t.Errorf("%d %s", got.Status, got.Text)
			}
		})
		require.EqualValues(t, 14, done.Load())
		require.Equal(t, before-14*share, w.balance(a))
		w.must(b, http.MethodPost, "/transaction/transfers", transferOf(b, a, 14*share))
	}
}

func oneKey(t *testing.T, w *world, a, b person) {
	before, key := w.transfers(), uuid.NewString()
	var mu sync.Mutex
	ids := map[string]int{}
	atOnce(200*torture.Times(), 64, func(int) {
		got := w.settled(a, b, 3, key)
		mu.Lock()
		defer mu.Unlock()
		if got.Status == http.StatusCreated {
			ids[fmt.Sprint(got.Body["id"], got.Body["amount"], got.Body["status"])]++
		} else if got.code() != "idempotency_key_in_progress" {
			t.Errorf("%d %s", got.Status, got.Text)
		}
	})
	require.Len(t, ids, 1, "every answer tells of the same transfer")
	require.Equal(t, before+1, w.transfers())

	keys := make([]string, 60*torture.Times())
	for i := range keys {
		keys[i] = uuid.NewString()
	}
	before = w.transfers()
	atOnce(3*len(keys), 32, func(i int) { w.settled(a, b, 1, keys[i%len(keys)]) })
	require.Equal(t, before+len(keys), w.transfers())
}

func keyHygiene(t *testing.T, w *world, a, b person) {
	before := w.transfers()
	for key, want := range map[string]int{"": 400, " ": 400, fmt.Sprintf("%0256d", 1): 400, "a b": 400, "ключ": 400} {
		got := w.pay(a, b, 1, key)
		require.Equal(t, want, got.Status, "%q: %s", key, got.Text)
	}
	require.Equal(t, before, w.transfers())
	const key = "somebody's order 17"
	require.Equal(t, http.StatusBadRequest, w.pay(a, b, 1, key).Status, "a blank in it")
	first := w.pay(a, b, 1, "order-17")
	other := w.pay(b, a, 1, "order-17")
	require.Equal(t, http.StatusCreated, other.Status, "a key is its caller's alone")
	require.NotEqual(t, first.Body["id"], other.Body["id"])
	for name, body := range map[string]fields{
		"amount": transferOf(a, b, 2), "target": transferOf(a, w.people[0], 1),
		"text": {"from_wallet_id": a.wallet, "to_wallet_id": b.wallet, "amount": 1, "currency": "USD", "description": "x"},
	} {
		got := w.call(a, "order-17", http.MethodPost, "/transaction/transfers", body)
		require.Equal(t, "idempotency_key_reused", got.code(), name)
	}
	reordered := fmt.Sprintf(`{ "currency":"USD",  "amount":1, "to_wallet_id":%q, "from_wallet_id":%q }`, b.wallet, a.wallet)
	again := w.call(a, "order-17", http.MethodPost, "/transaction/transfers", reordered)
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"), "the order of members says nothing")
	require.Equal(t, before+2, w.transfers())
}

func historyUnderInsert(t *testing.T, w *world, a, b person) {
	var mine []string
	for range 60 {
		mine = append(mine, fmt.Sprint(w.must(a, http.MethodPost, "/transaction/transfers", transferOf(a, b, 1)).Body["id"]))
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				w.pay(a, b, 1, uuid.NewString())
			}
		}
	})
	defer writer.Wait()
	defer close(stop)
	for _, size := range []int{7, 50} {
		for range torture.Times() {
			seen := map[string]int{}
			var last time.Time
			for cursor, more := "", true; more; {
				page := w.get(a, fmt.Sprintf("/transaction/wallets/%s/entries?limit=%d%s", a.wallet, size, cursor))
				require.Equal(t, http.StatusOK, page.Status, page.Text)
				for _, e := range page.Body["data"].([]any) {
					entry := e.(map[string]any)
					at, err := time.Parse(time.RFC3339, fmt.Sprint(entry["created_at"]))
					require.NoError(t, err)
					require.False(t, !last.IsZero() && at.After(last), "newest first")
					last = at
					seen[fmt.Sprint(entry["transfer"].(map[string]any)["id"])]++
				}
				cursor, more = page.Body["next_cursor"].(string)
				cursor = "&cursor=" + cursor
			}
			for _, id := range mine {
				require.Equal(t, 1, seen[id], "what was there at the start is seen exactly once")
			}
		}
	}
}

func largestBalance(t *testing.T, w *world) {
	const most = 9_007_199_254_740_991
	var rich []person
	for i := range 2 {
		p := w.people[10+i]
		got := w.must(p, http.MethodPost, "/transaction/wallets", fields{"currency": "KWD", "name": "vault"})
		p.wallet = fmt.Sprint(got.Body["id"])
		rich = append(rich, p)
	}
	a, b := rich[0], rich[1]
	topUp := func(p person, amount int) answer {
		return w.call(p, uuid.NewString(), http.MethodPost, "/transaction/topups",
			fields{"wallet_id": p.wallet, "amount": amount, "currency": "KWD", "provider": "sandbox"})
	}
	pay := func(from, to person, amount int) answer {
		body := transferOf(from, to, amount)
		body["currency"] = "KWD"
		return w.call(from, uuid.NewString(), http.MethodPost, "/transaction/transfers", body)
	}
	require.Equal(t, http.StatusCreated, topUp(a, most-1).Status)
	require.Equal(t, http.StatusCreated, topUp(b, 1).Status)
	require.Equal(t, http.StatusUnprocessableEntity, pay(b, a, 2).Status)
	require.Equal(t, http.StatusCreated, pay(b, a, 1).Status, "what fits is taken")
	require.Equal(t, most, w.balance(a))
	for _, amount := range []int{most + 1, 0, -1} {
		require.Equal(t, http.StatusUnprocessableEntity, pay(a, b, amount).Status, amount)
	}
	require.Equal(t, http.StatusCreated, pay(a, b, most).Status)
	require.Equal(t, 0, w.balance(a))
	require.Equal(t, most, w.balance(b))
}

// strangers tries everything of a's as b: the answers are those for what does not exist.
func strangers(t *testing.T, w *world, a, b person) {
	sent := w.must(a, http.MethodPost, "/transaction/transfers", transferOf(a, w.people[0], 5))
	topUp := w.must(a, http.MethodPost, "/transaction/topups", fields{"wallet_id": a.wallet, "amount": 5, "currency": "USD", "provider": "sandbox"})
	before := w.balance(a)
	nobody := uuid.NewString()
	type request struct {
		method, path string
		body         any
	}
	requests := func(wallet, transfer, payment string) []request {
		return []request{
			{http.MethodGet, "/wallets/" + wallet, nil},
			{http.MethodGet, "/wallets/" + wallet + "/balance", nil},
			{http.MethodGet, "/wallets/" + wallet + "/entries", nil},
			{http.MethodGet, "/wallets/" + wallet + "/statement", nil},
			{http.MethodPatch, "/wallets/" + wallet, fields{"name": "mine"}},
			{http.MethodDelete, "/wallets/" + wallet, nil},
			{http.MethodGet, "/transfers/" + transfer, nil},
			{http.MethodPost, "/transfers/" + transfer + "/reversal", fields{}},
			{http.MethodGet, "/topups/" + payment, nil},
			{http.MethodPost, "/transfers", fields{"from_wallet_id": wallet, "to_wallet_id": b.wallet, "amount": 1, "currency": "USD"}},
			{http.MethodPost, "/topups", fields{"wallet_id": wallet, "amount": 1, "currency": "USD", "provider": "sandbox"}},
		}
	}
	hers, none := requests(a.wallet, fmt.Sprint(sent.Body["id"]), fmt.Sprint(topUp.Body["id"])), requests(nobody, nobody, nobody)
	for i := range hers {
		got := w.call(b, uuid.NewString(), hers[i].method, "/transaction"+hers[i].path, hers[i].body)
		same := w.call(b, uuid.NewString(), none[i].method, "/transaction"+none[i].path, none[i].body)
		require.Contains(t, []int{http.StatusNotFound, http.StatusUnprocessableEntity}, got.Status, "%v: %s", hers[i], got.Text)
		require.Equal(t, same.Status, got.Status, hers[i])
		require.Equal(t, same.code(), got.code(), hers[i])
		require.Equal(t, same.Body["detail"], got.Body["detail"], hers[i])
	}
	require.Equal(t, before, w.balance(a))
}
