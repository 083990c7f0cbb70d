package transactionports

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
)

// RunDisputes holds an implementation of ports.Disputes, and the ledger with it, to its contract.
func RunDisputes(t *testing.T, open func(t *testing.T) Stores) {
	run(t, open, map[string]func(*testing.T, world){
		"an open dispute is booked once and leaves the wallet alone": booksDisputes,
		"a dispute keeps money from leaving the wallet":              blocksWallets,
		"a dispute that was won is undone":                           undoesWon,
		"a lost dispute is recovered from what comes in":             recoversLost,
		"a dispute is heard of once":                                 keepsOnce,
		"a disputed payment that was given back in part":             disputesRefunded,
	})
}

func (w world) move(p domain.Posting) error {
	w.t.Helper()
	got := w.post(p)[0]
	if got.Settled {
		return domain.ErrPaymentDisputed // stands for: it was booked before
	}
	return got.Err
}

func booksDisputes(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(0))
	d := w.disputed(alice, id, usd(100))
	w.holds(alice, id, 100)
	require.Equal(t, domain.PaymentDisputed, w.payment(domain.Payment{ID: d.Payment, Owner: alice, Kind: domain.PaymentTopUp}).Status)
	require.Error(t, w.move(d.Opening(domain.TransferID(newID()), w.accounts(d.Provider, "USD"))), "once")
	kept, err := w.Disputes.Keep(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, domain.DisputeOpen, kept.Status)
}

func blocksWallets(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	id, other := w.wallet(alice, usd(50)), w.wallet(bob, usd(50))
	before := w.hold(alice, id, other, usd(1))
	sent := transfer(bob, other, id, usd(10))
	w.post(sent)
	w.disputed(alice, id, usd(100))
	require.Equal(t, domain.ErrWalletBlocked, w.post(transfer(alice, id, other, usd(1)))[0].Err)
	require.Equal(t, domain.ErrWalletBlocked, w.post(reversal(sent, alice, usd(1)))[0].Err)
	require.Equal(t, domain.ErrWalletBlocked, w.post(w.capture(before, bob, usd(1)))[0].Err)
	_, _, err := w.Holds.Place(t.Context(), aHold(alice, id, other, usd(1), 0), freshKey())
	require.ErrorIs(t, err, domain.ErrWalletBlocked)
	require.NoError(t, w.post(transfer(bob, other, id, usd(1)))[0].Err, "money still comes in")
	operator := reversal(sent, alice, usd(1))
	operator.Caller.Operator = true
	require.NoError(t, w.post(operator)[0].Err, "an operator can still put things right")
	unconcerned := w.wallet(alice, usd(5))
	require.NoError(t, w.post(transfer(alice, unconcerned, other, usd(1)))[0].Err)
}

func undoesWon(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(0))
	d := w.disputed(alice, id, usd(100))
	won := d.Won(domain.TransferID(newID()), w.accounts(d.Provider, "USD"))
	require.NoError(t, w.move(won))
	won.ID = domain.TransferID(newID())
	require.Error(t, w.move(won), "once")
	require.Equal(t, domain.PaymentSucceeded, w.payment(domain.Payment{ID: d.Payment, Owner: alice, Kind: domain.PaymentTopUp}).Status)
	require.NoError(t, w.post(transfer(alice, id, w.wallet(w.person(), usd(0)), usd(100)))[0].Err)
	require.NoError(t, w.Disputes.Lose(t.Context(), d.ID))
	kept, err := w.Disputes.Keep(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, domain.DisputeWon, kept.Status, "what was won is not lost any more")
}

// owed returns a dispute among those that can be recovered now.
func (w world) owed(id domain.DisputeID) (domain.Dispute, bool) {
	w.t.Helper()
	all, err := w.Disputes.Owed(w.t.Context(), 1000)
	require.NoError(w.t, err)
	for _, d := range all {
		if d.ID == id {
			return d, true
		}
	}
	return domain.Dispute{}, false
}

func recoversLost(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	id, other := w.wallet(alice, usd(0)), w.wallet(bob, usd(500))
	accounts := w.accounts("sandbox", "USD")
	top := w.captured(alice, id, usd(100))
	w.post(transfer(alice, id, other, usd(90)))
	d, err := top.Dispute(domain.DisputeID(newID()), domain.DisputeNotice{Ref: newID(), Amount: usd(100)})
	require.NoError(t, err)
	d, err = w.Disputes.Keep(t.Context(), d)
	require.NoError(t, err)
	require.NoError(t, w.Disputes.Lose(t.Context(), d.ID))
	kept, err := w.Disputes.Keep(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, domain.DisputeReceived, kept.Status, "what was not booked cannot be lost yet")
	require.NoError(t, w.move(d.Opening(domain.TransferID(newID()), w.accounts(d.Provider, "USD"))))
	_, there := w.owed(d.ID)
	require.False(t, there)
	require.NoError(t, w.Disputes.Lose(t.Context(), d.ID))

	owed, there := w.owed(d.ID)
	require.True(t, there)
	p, some := owed.Recovery(domain.TransferID(newID()), usd(10), accounts)
	require.True(t, some)
	require.NoError(t, w.move(p))
	w.holds(alice, id, 0)
	_, there = w.owed(d.ID)
	require.False(t, there, "there is nothing to take")
	require.NoError(t, w.post(transfer(bob, other, id, usd(200)))[0].Err)
	require.Equal(t, domain.ErrWalletBlocked, w.post(transfer(alice, id, other, usd(1)))[0].Err)
	owed, there = w.owed(d.ID)
	require.True(t, there)
	require.EqualValues(t, 10, owed.Recovered)
	p, some = owed.Recovery(domain.TransferID(newID()), usd(200), accounts)
	require.True(t, some)
	require.Equal(t, usd(90), p.Amount)
	require.NoError(t, w.move(p))
	p.ID = domain.TransferID(newID())
	require.Error(t, w.move(p), "no more than is owed")
	w.holds(alice, id, 110)
	require.NoError(t, w.post(transfer(alice, id, other, usd(1)))[0].Err, "the debt is paid")
	require.Equal(t, domain.PaymentDisputed, w.payment(top).Status, "the bank has it, for good")
}

func keepsOnce(t *testing.T, w world) {
	alice := w.person()
	top := w.captured(alice, w.wallet(alice, usd(0)), usd(100))
	d, err := top.Dispute(domain.DisputeID(newID()), domain.DisputeNotice{Ref: newID(), Amount: usd(60)})
	require.NoError(t, err)
	first, err := w.Disputes.Keep(t.Context(), d)
	require.NoError(t, err)
	require.False(t, first.CreatedAt.IsZero())
	d.ID = domain.DisputeID(newID())
	again, err := w.Disputes.Keep(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func disputesRefunded(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(0))
	top := w.captured(alice, id, usd(100))
	open := w.add(w.refund(top, usd(30)))
	d, err := top.Dispute(domain.DisputeID(newID()), domain.DisputeNotice{Ref: newID(), Amount: usd(70)})
	require.NoError(t, err)
	d, err = w.Disputes.Keep(t.Context(), d)
	require.NoError(t, err)
	require.NoError(t, w.move(d.Opening(domain.TransferID(newID()), w.accounts(d.Provider, "USD"))))
	require.NoError(t, w.settle(open).Err, "a refund that the provider made is booked, dispute or not")
	stored := w.payment(top)
	require.Equal(t, domain.PaymentDisputed, stored.Status)
	require.EqualValues(t, 30, stored.Refunded)
	w.holds(alice, id, 70)
	require.NoError(t, w.move(d.Won(domain.TransferID(newID()), w.accounts(d.Provider, "USD"))))
	require.Equal(t, domain.PaymentPartiallyRefunded, w.payment(top).Status)
}
