package transactionports

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// RunPayments holds an implementation of ports.Payments to its contract.
func RunPayments(t *testing.T, open func(t *testing.T) Stores) {
	run(t, open, map[string]func(*testing.T, world){
		"a key makes one intent": oneIntentAKey,
		"an intent needs an active wallet of the owner in its currency": intentNeedsWallet,
		"what the provider says is recorded until it is final":          recordsUntilFinal,
		"a status that somebody else moved on is left alone":            recordsFromKnownStatus,
		"what is due is claimed by one":                                 claimsOnce,
		"a notification makes due, once":                                noticesOnce,
		"money that goes out is held until the outcome is known":        holdsOutgoing,
		"a withdrawal that failed gives its money back":                 releasesFailed,
		"money that goes out must be there":                             refusesUncoveredOutgoing,
		"refunds together never exceed the top-up":                      boundsRefunds,
		"refunds move their top-up on":                                  refundsMoveTopUps,
		"a payment goes another way before anybody heard of it":         reroutes,
		"an abandoned payment leaves no key and no hold":                abandons,
		"payments are listed by day and by id":                          listsPayments,
	})
}

func oneIntentAKey(t *testing.T, w world) {
	alice, key := w.person(), freshKey()
	id := w.wallet(alice, usd(0))
	first, err := domain.NewTopUp(domain.PaymentID(newID()), alice, id, "sandbox", usd(5))
	require.NoError(t, err)
	stored, replayed, err := w.Payments.Add(t.Context(), first, key, time.Minute)
	require.NoError(t, err)
	require.False(t, replayed)
	again := first
	again.ID = domain.PaymentID(newID())
	same, replayed, err := w.Payments.Add(t.Context(), again, key, time.Minute)
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, stored, same)
	same, found, err := w.Payments.ByKey(t.Context(), alice, key)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, stored, same)
	_, found, err = w.Payments.ByKey(t.Context(), alice, freshKey())
	require.NoError(t, err)
	require.False(t, found)
	key.Request = [32]byte{9}
	_, _, err = w.Payments.Add(t.Context(), again, key, time.Minute)
	require.ErrorIs(t, err, domain.ErrKeyReused)
	_, _, err = w.Payments.ByKey(t.Context(), alice, key)
	require.ErrorIs(t, err, domain.ErrKeyReused)
}

func intentNeedsWallet(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(0))
	add := func(owner domain.OwnerID, amount money.Money) error {
		t.Helper()
		top, err := domain.NewTopUp(domain.PaymentID(newID()), owner, id, "sandbox", amount)
		require.NoError(t, err)
		_, _, err = w.Payments.Add(t.Context(), top, freshKey(), time.Minute)
		return err
	}
	require.ErrorIs(t, add(w.person(), usd(5)), domain.ErrWalletNotFound)
	require.ErrorIs(t, add(alice, money.Money{Amount: 5, Currency: "EUR"}), domain.ErrCurrencyMismatch)
	w.change(alice, id, func(x *domain.Wallet) error { return x.SetStatus(domain.Frozen) })
	require.ErrorIs(t, add(alice, usd(5)), domain.ErrWalletNotActive)
}

// record stores a status from the one that p has.
func (w world) record(p domain.Payment, status domain.PaymentStatus) bool {
	w.t.Helper()
	from := p.Status
	p.Status, p.Cause = status, "provider"
	done, err := w.Payments.Record(w.t.Context(), from, p, time.Minute)
	require.NoError(w.t, err)
	return done
}

func recordsUntilFinal(t *testing.T, w world) {
	alice := w.person()
	p := w.intent(alice, w.wallet(alice, usd(0)), usd(5))
	p.ProviderRef, p.FailureCode = "ref", "card_declined"
	require.True(t, w.record(p, domain.PaymentFailed))
	stored := w.payment(p)
	require.Equal(t, []string{"failed", "ref", "card_declined", "provider"},
		[]string{string(stored.Status), stored.ProviderRef, stored.FailureCode, stored.Cause})
	require.True(t, w.settle(p).Settled, "nothing is credited any more")
	_, err := w.Payments.Record(t.Context(), domain.PaymentFailed, p, 0)
	require.Error(t, err, "failed cannot become created again")
	require.Equal(t, domain.PaymentFailed, w.payment(p).Status)
	_, err = w.Payments.Find(t.Context(), w.person(), p.Kind, p.ID)
	require.ErrorIs(t, err, domain.ErrPaymentNotFound, "it is alice's")
	_, err = w.Payments.Find(t.Context(), alice, domain.PaymentRefund, p.ID)
	require.ErrorIs(t, err, domain.ErrPaymentNotFound, "it is a top-up")
}

func recordsFromKnownStatus(t *testing.T, w world) {
	alice := w.person()
	p := w.intent(alice, w.wallet(alice, usd(0)), usd(5))
	require.NoError(t, w.settle(p).Err)
	require.False(t, w.record(p, domain.PaymentRequiresAction), "a late answer takes nothing back")
	require.Equal(t, domain.PaymentSucceeded, w.payment(p).Status)
}

// due reports whether the payment is claimed now.
func (w world) due(p domain.Payment, lease time.Duration) bool {
	w.t.Helper()
	claimed, err := w.Payments.Claim(w.t.Context(), p.Provider, lease, 1000)
	require.NoError(w.t, err)
	for _, c := range claimed {
		if c.ID == p.ID {
			return true
		}
	}
	return false
}

func claimsOnce(t *testing.T, w world) {
	alice := w.person()
	p, err := domain.NewTopUp(domain.PaymentID(newID()), alice, w.wallet(alice, usd(0)), "provider "+newID(), usd(5))
	require.NoError(t, err)
	p = w.add(p)
	require.False(t, w.due(p, time.Minute), "patience is not over")
	require.True(t, w.record(p, domain.PaymentProcessing))
	require.False(t, w.due(p, time.Minute))
	p = w.payment(p)
	done, err := w.Payments.Record(t.Context(), p.Status, p, time.Nanosecond)
	require.NoError(t, err)
	require.True(t, done)
	require.Eventually(t, func() bool { return w.due(p, time.Minute) }, 5*time.Second, time.Millisecond)
	require.False(t, w.due(p, time.Minute), "it is leased")
	require.NoError(t, w.settle(p).Err)
	require.False(t, w.due(p, 0), "nothing is left to ask")
}

func noticesOnce(t *testing.T, w world) {
	alice := w.person()
	p := w.captured(alice, w.wallet(alice, usd(0)), usd(5))
	notice := func(n ports.Notification) bool {
		t.Helper()
		news, err := w.Payments.Notice(t.Context(), p.Provider, n)
		require.NoError(t, err)
		return news
	}
	byID := ports.Notification{EventID: newID(), Type: "x", Payment: p.ID}
	require.True(t, notice(byID))
	require.True(t, w.due(p, time.Minute), "also when it was settled long ago")
	require.False(t, notice(byID), "it was told before")
	require.False(t, w.due(p, time.Minute))
	require.False(t, notice(ports.Notification{EventID: newID(), Type: "x"}), "it is about nothing")
	require.False(t, notice(ports.Notification{EventID: newID(), Type: "x", Payment: domain.PaymentID(newID())}))
	require.False(t, notice(ports.Notification{EventID: newID(), Type: "x", Payment: "no uuid", ProviderRef: "unheard of"}))

	q, err := domain.NewTopUp(domain.PaymentID(newID()), alice, p.Wallet, p.Provider, usd(5))
	require.NoError(t, err)
	q = w.add(q)
	q.ProviderRef = newID()
	require.True(t, w.record(q, domain.PaymentProcessing))
	require.True(t, notice(ports.Notification{EventID: newID(), Type: "x", ProviderRef: q.ProviderRef}))
	require.NoError(t, w.settle(q).Err)
	require.True(t, w.due(q, time.Minute), "what was told meanwhile is not lost by settling")

	elsewhere, err := w.Payments.Notice(t.Context(), "another provider", ports.Notification{EventID: newID(), Type: "x", Payment: p.ID})
	require.NoError(t, err)
	require.False(t, elsewhere, "a provider speaks of its own payments only")
}

func holdsOutgoing(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(100))
	p := w.add(w.withdrawal(alice, id, usd(60), usd(5)))
	require.NotEmpty(t, p.Hold)
	w.holds(alice, id, 100)
	w.available(id, 35)
	require.Equal(t, domain.ErrInsufficientFunds, w.post(transfer(alice, id, w.wallet(w.person(), usd(0)), usd(36)))[0].Err)
	got := w.settle(p)
	require.NoError(t, got.Err)
	require.EqualValues(t, 35, got.FromBalance)
	w.holds(alice, id, 35)
	w.available(id, 35)
	stored := w.payment(p)
	require.Equal(t, domain.PaymentSucceeded, stored.Status)
	require.Equal(t, got.Transfer, stored.Transfer)
	require.True(t, w.settle(p).Settled)
	w.holds(alice, id, 35)
}

func releasesFailed(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(100))
	p := w.add(w.withdrawal(alice, id, usd(60), usd(0)))
	h, err := w.Holds.Void(t.Context(), p.Hold)
	require.NoError(t, err)
	require.Equal(t, domain.HoldPending, h.Status, "what a payment holds goes only with the payment")
	require.True(t, w.record(p, domain.PaymentFailed))
	w.available(id, 100)
	w.holds(alice, id, 100)
	require.True(t, w.settle(p).Settled)
	w.holds(alice, id, 100)
	h, err = w.Holds.Find(t.Context(), p.Hold)
	require.NoError(t, err)
	require.Equal(t, domain.HoldVoided, h.Status)
}

func refusesUncoveredOutgoing(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(100))
	refused := func(p domain.Payment) error {
		key := freshKey()
		_, _, err := w.Payments.Add(t.Context(), p, key, time.Minute)
		_, again, other := w.Payments.Add(t.Context(), p, key, time.Minute)
		require.False(t, again, "a refusal keeps no key")
		require.Equal(t, err, other)
		return err
	}
	require.ErrorIs(t, refused(w.withdrawal(alice, id, usd(100), usd(1))), domain.ErrInsufficientFunds)
	require.ErrorIs(t, refused(w.withdrawal(w.person(), id, usd(1), usd(0))), domain.ErrWalletNotFound)
	require.ErrorIs(t, refused(w.withdrawal(alice, id, money.Money{Amount: 1, Currency: "EUR"}, money.Money{Currency: "EUR"})), domain.ErrCurrencyMismatch)
	w.available(id, 100)
	w.disputed(alice, id, usd(1))
	require.ErrorIs(t, refused(w.withdrawal(alice, id, usd(1), usd(0))), domain.ErrWalletBlocked)
}

func (w world) refund(p domain.Payment, amount money.Money) domain.Payment {
	w.t.Helper()
	r, err := p.Refund(domain.PaymentID(newID()), &amount)
	require.NoError(w.t, err)
	return r
}

func boundsRefunds(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(1000))
	top := w.captured(alice, id, usd(100))
	var mu sync.Mutex
	var wg sync.WaitGroup
	accepted := 0
	for range 10 {
		wg.Go(func() {
			_, _, err := w.Payments.Add(t.Context(), w.refund(top, usd(30)), freshKey(), time.Minute)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				accepted++
			case !errors.Is(err, domain.ErrRefundExceeds):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 3, accepted, "30 each, of 100")
	w.available(id, 1010)
	last := w.add(w.refund(top, usd(10)))
	require.True(t, w.record(last, domain.PaymentFailed))
	w.add(w.refund(top, usd(10)))
}

func refundsMoveTopUps(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(0))
	top := w.captured(alice, id, usd(100))
	part := w.add(w.refund(top, usd(40)))
	require.Equal(t, top.ID, part.Parent)
	require.Equal(t, top.ProviderRef, part.ParentRef)
	require.NoError(t, w.settle(part).Err)
	stored := w.payment(top)
	require.Equal(t, domain.PaymentPartiallyRefunded, stored.Status)
	require.EqualValues(t, 40, stored.Refunded)
	require.NoError(t, w.settle(w.add(w.refund(top, usd(60)))).Err)
	stored = w.payment(top)
	require.Equal(t, domain.PaymentRefunded, stored.Status)
	require.EqualValues(t, 100, stored.Refunded)
	w.holds(alice, id, 0)
}

func reroutes(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(100))
	p := w.add(w.withdrawal(alice, id, usd(60), usd(5)))
	p.Provider, p.Fee = "another "+newID(), usd(10)
	require.NoError(t, w.Payments.Reroute(t.Context(), p))
	stored := w.payment(p)
	require.Equal(t, []any{p.Provider, usd(10)}, []any{stored.Provider, stored.Fee})
	w.available(id, 30)
	p.Fee = usd(41)
	require.ErrorIs(t, w.Payments.Reroute(t.Context(), p), domain.ErrInsufficientFunds)
	w.available(id, 30)
	require.NoError(t, w.settle(stored).Err)
	w.holds(alice, id, 30)
	require.ErrorIs(t, w.Payments.Reroute(t.Context(), stored), domain.ErrPaymentNotFound, "it is no longer new")
	top := w.intent(alice, id, usd(5))
	top.Provider = "another"
	require.NoError(t, w.Payments.Reroute(t.Context(), top))
	require.Equal(t, "another", w.payment(top).Provider)
}

func abandons(t *testing.T, w world) {
	alice, key := w.person(), freshKey()
	id := w.wallet(alice, usd(100))
	p, _, err := w.Payments.Add(t.Context(), w.withdrawal(alice, id, usd(60), usd(0)), key, time.Minute)
	require.NoError(t, err)
	abandon := func(p domain.Payment) bool {
		done, err := w.Payments.Abandon(t.Context(), p, key, "nobody was reached")
		require.NoError(t, err)
		return done
	}
	require.True(t, abandon(p))
	require.Equal(t, domain.PaymentCanceled, w.payment(p).Status)
	require.Equal(t, "nobody was reached", w.payment(p).Cause)
	w.available(id, 100)
	again := w.withdrawal(alice, id, usd(60), usd(0))
	stored, replayed, err := w.Payments.Add(t.Context(), again, key, time.Minute)
	require.NoError(t, err)
	require.False(t, replayed, "judged afresh")
	require.Equal(t, again.ID, stored.ID)
	require.NoError(t, w.settle(stored).Err)
	require.False(t, abandon(stored))
	require.Equal(t, domain.PaymentSucceeded, w.payment(stored).Status, "what was done is not abandoned")
	_, replayed, err = w.Payments.Add(t.Context(), again, key, time.Minute)
	require.NoError(t, err)
	require.True(t, replayed)
}

func listsPayments(t *testing.T, w world) {
	alice := w.person()
	p := w.captured(alice, w.wallet(alice, usd(0)), usd(5))
	ids := func(found []domain.Payment, err error) []domain.PaymentID {
		t.Helper()
		require.NoError(t, err)
		var ids []domain.PaymentID
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		return ids
	}
	ctx, at := t.Context(), p.CreatedAt
	require.Equal(t, []domain.PaymentID{p.ID}, ids(w.Payments.Between(ctx, p.Provider, at, at.Add(time.Second))))
	require.Empty(t, ids(w.Payments.Between(ctx, p.Provider, at.Add(-time.Second), at)))
	require.Empty(t, ids(w.Payments.Between(ctx, "another", at, at.Add(time.Second))))
	require.Equal(t, []domain.PaymentID{p.ID}, ids(w.Payments.ByID(ctx, p.Provider, []domain.PaymentID{p.ID, domain.PaymentID(newID()), "no uuid"})))
	require.Empty(t, ids(w.Payments.ByID(ctx, "another", []domain.PaymentID{p.ID})))
}
