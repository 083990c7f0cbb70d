package transactionports

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// RunHolds holds an implementation of ports.Holds, and the ledger with it, to its contract.
func RunHolds(t *testing.T, open func(t *testing.T) Stores) {
	run(t, open, map[string]func(*testing.T, world){
		"what is held cannot be spent":                     keepsHeldMoney,
		"a key places one hold":                            oneHoldAKey,
		"a hold needs what a transfer needs":               holdNeedsWallets,
		"a capture posts the whole or less, once":          capturesOnce,
		"a capture is refused when the hold is over":       refusesEndedHolds,
		"a voided hold lets its money go, once":            voidsOnce,
		"a hold expires":                                   expires,
		"a frozen payer's hold is not captured":            freezesHolds,
		"held money is never overdrawn by many at once":    neverOverdrawsHeld,
		"a capture at once from both sides has one effect": capturesOnceUnderContention,
	})
}

func (w world) capture(h domain.Hold, by domain.OwnerID, amount money.Money) domain.Posting {
	w.t.Helper()
	found, err := w.Holds.Find(w.t.Context(), h.ID)
	require.NoError(w.t, err)
	found.Status = domain.HoldPending // the ledger is asked, whatever the domain would say
	p, err := found.Capture(domain.Caller{ID: by}, &amount, freshKey())
	require.NoError(w.t, err)
	return p
}

func keepsHeldMoney(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	h := w.hold(alice, from, to, usd(70))
	w.holds(alice, from, 100)
	w.available(from, 30)
	require.Equal(t, domain.ErrInsufficientFunds, w.post(transfer(alice, from, to, usd(31)))[0].Err)
	require.NoError(t, w.post(transfer(alice, from, to, usd(30)))[0].Err)
	w.available(from, 0)
	_, _, err := w.Holds.Place(t.Context(), aHold(alice, from, to, usd(1), time.Hour), freshKey())
	require.ErrorIs(t, err, domain.ErrInsufficientFunds)
	found, err := w.Holds.Find(t.Context(), h.ID)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), found.CreatedAt, time.Minute)
	require.Equal(t, h, found)
	require.Equal(t, []any{alice, bob, from, to, usd(70), domain.HoldPending}, []any{found.Owner, found.ToOwner, found.From, found.To, found.Amount, found.Status})
	_, err = w.Holds.Find(t.Context(), domain.HoldID(newID()))
	require.ErrorIs(t, err, domain.ErrTransferNotFound)
}

func oneHoldAKey(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	key := freshKey()
	first, replayed, err := w.Holds.Place(t.Context(), aHold(alice, from, to, usd(70), time.Hour), key)
	require.NoError(t, err)
	require.False(t, replayed)
	again, replayed, err := w.Holds.Place(t.Context(), aHold(alice, from, to, usd(70), time.Hour), key)
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, first, again)
	w.available(from, 30)
	key.Request = [32]byte{9}
	_, _, err = w.Holds.Place(t.Context(), aHold(alice, from, to, usd(1), time.Hour), key)
	require.ErrorIs(t, err, domain.ErrKeyReused)
	p := transfer(alice, from, to, usd(1))
	p.Key = domain.Key{Value: key.Value, Request: [32]byte{1}}
	require.Equal(t, domain.ErrKeyReused, w.post(p)[0].Err, "a hold's key is no transfer's")
}

func holdNeedsWallets(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	place := func(owner domain.OwnerID, from, to domain.WalletID, amount money.Money) error {
		_, _, err := w.Holds.Place(t.Context(), aHold(owner, from, to, amount, time.Hour), freshKey())
		return err
	}
	require.ErrorIs(t, place(bob, from, to, usd(1)), domain.ErrWalletNotFound)
	require.ErrorIs(t, place(alice, domain.WalletID(newID()), to, usd(1)), domain.ErrWalletNotFound)
	require.ErrorIs(t, place(alice, from, domain.WalletID(newID()), usd(1)), domain.ErrRecipientUnknown)
	require.ErrorIs(t, place(alice, from, w.accounts("sandbox", "USD").Provider, usd(1)), domain.ErrRecipientUnknown)
	require.ErrorIs(t, place(alice, from, to, money.Money{Amount: 1, Currency: "EUR"}), domain.ErrCurrencyMismatch)
	w.change(bob, to, func(x *domain.Wallet) error { return x.SetStatus(domain.Frozen) })
	require.ErrorIs(t, place(alice, from, to, usd(1)), domain.ErrWalletNotActive)
	w.available(from, 100)
}

func capturesOnce(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	h := w.hold(alice, from, to, usd(70))
	require.Equal(t, domain.ErrCaptureExceeds, w.post(func() domain.Posting {
		p := w.capture(h, bob, usd(70))
		p.Amount = usd(71)
		return p
	}())[0].Err)
	mallory := w.capture(h, bob, usd(1))
	mallory.Caller.ID = w.person()
	require.Equal(t, domain.ErrWalletNotFound, w.post(mallory)[0].Err)
	elsewhere := w.capture(h, alice, usd(1))
	elsewhere.To = w.wallet(bob, usd(0))
	require.Equal(t, domain.ErrTransferNotFound, w.post(elsewhere)[0].Err)

	p := w.capture(h, bob, usd(60))
	got := w.post(p)[0]
	require.NoError(t, got.Err)
	require.EqualValues(t, h.ID, got.Transfer, "the transfer has the hold's id")
	w.holds(alice, from, 40)
	w.available(from, 40)
	w.holds(bob, to, 60)
	found, err := w.Holds.Find(t.Context(), h.ID)
	require.NoError(t, err)
	require.Equal(t, domain.HoldCaptured, found.Status)
	require.EqualValues(t, 60, found.Captured)

	require.True(t, w.post(p)[0].Replayed)
	require.Equal(t, domain.ErrHoldEnded, w.post(w.capture(h, alice, usd(10)))[0].Err)
	w.holds(bob, to, 60)
}

func refusesEndedHolds(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	late, _, err := w.Holds.Place(t.Context(), aHold(alice, from, to, usd(5), -time.Second), freshKey())
	require.NoError(t, err)
	require.Equal(t, domain.ErrHoldEnded, w.post(w.capture(late, bob, usd(5)))[0].Err, "also before anybody swept it")
	gone := w.hold(alice, from, to, usd(5))
	_, err = w.Holds.Void(t.Context(), gone.ID)
	require.NoError(t, err)
	require.Equal(t, domain.ErrHoldEnded, w.post(w.capture(gone, bob, usd(5)))[0].Err)
	w.holds(alice, from, 100)
}

func voidsOnce(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	h, kept := w.hold(alice, from, to, usd(70)), w.hold(alice, from, to, usd(20))
	for range 2 {
		got, err := w.Holds.Void(t.Context(), h.ID)
		require.NoError(t, err)
		require.Equal(t, domain.HoldVoided, got.Status)
		w.available(from, 80)
	}
	require.NoError(t, w.post(w.capture(kept, bob, usd(20)))[0].Err)
	got, err := w.Holds.Void(t.Context(), kept.ID)
	require.NoError(t, err)
	require.Equal(t, domain.HoldCaptured, got.Status, "too late")
	w.holds(bob, to, 20)
	_, err = w.Holds.Void(t.Context(), domain.HoldID(newID()))
	require.ErrorIs(t, err, domain.ErrTransferNotFound)
}

func expires(t *testing.T, w world) {
	alice := w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(w.person(), usd(0))
	late, _, err := w.Holds.Place(t.Context(), aHold(alice, from, to, usd(5), -time.Second), freshKey())
	require.NoError(t, err)
	w.hold(alice, from, to, usd(7))
	_, err = w.Holds.Expire(t.Context(), 1000)
	require.NoError(t, err)
	w.available(from, 93)
	found, err := w.Holds.Find(t.Context(), late.ID)
	require.NoError(t, err)
	require.Equal(t, domain.HoldExpired, found.Status)
}

func freezesHolds(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	h := w.hold(alice, from, to, usd(5))
	w.change(alice, from, func(x *domain.Wallet) error { return x.SetStatus(domain.Frozen) })
	require.Equal(t, domain.ErrWalletNotActive, w.post(w.capture(h, bob, usd(5)))[0].Err)
	w.change(alice, from, func(x *domain.Wallet) error { return x.SetStatus(domain.Active) })
	require.NoError(t, w.post(w.capture(h, bob, usd(5)))[0].Err)
}

func neverOverdrawsHeld(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	w.hold(alice, from, to, usd(50))
	require.Equal(t, 7, atOnce(t, w, 30, func(int) domain.Posting { return transfer(alice, from, to, usd(7)) }))
	w.available(from, 1)
	w.holds(alice, from, 51)
}

func capturesOnceUnderContention(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	h := w.hold(alice, from, to, usd(50))
	postings := make([]domain.Posting, 20)
	for i := range postings {
		postings[i] = w.capture(h, []domain.OwnerID{alice, bob}[i%2], usd(50))
	}
	require.Equal(t, 1, atOnce(t, w, len(postings), func(i int) domain.Posting { return postings[i] }))
	w.holds(bob, to, 50)
	w.available(from, 50)
}
