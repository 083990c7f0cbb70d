package transactionports

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// RunLedger holds an implementation of ports.Ledger to its contract.
func RunLedger(t *testing.T, open func(t *testing.T) Stores) {
	run(t, open, map[string]func(*testing.T, world){
		"a posting moves money and says both balances":        movesMoney,
		"a refusal moves nothing and leaves no key":           refusesAndMovesNothing,
		"a refusal does not touch its neighbours":             refusesOneOfMany,
		"one hot account takes a whole group in order":        takesAHotAccount,
		"a key used again answers with the first transfer":    replaysKeys,
		"a key used for something else is refused":            refusesReusedKeys,
		"a key belongs to its caller":                         scopesKeys,
		"frozen and closed wallets take no part":              respectsStatus,
		"no balance exceeds the largest amount":               boundsBalances,
		"reversals never exceed the original":                 boundsReversals,
		"only what was sent goes back, on its way":            bindsReversals,
		"a top-up is credited once":                           settlesOnce,
		"system accounts are out of people's reach":           guardsSystemAccounts,
		"many at once never overdraw":                         neverOverdraws,
		"one key at once from everywhere has one effect":      onceUnderContention,
		"opposite transfers at once neither hang nor lose":    crossesWithoutDeadlock,
		"a provider has one account a currency, also at once": oneProviderAccount,
		"a fee goes with its payment":                         takesFees,
	})
}

func movesMoney(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(1000)), w.wallet(bob, usd(5))
	p := transfer(alice, from, to, usd(300))
	got := w.post(p)[0]
	require.NoError(t, got.Err)
	require.Equal(t, p.ID, got.Transfer)
	require.False(t, got.At.IsZero())
	require.Equal(t, []int64{700, 305}, []int64{got.FromBalance, got.ToBalance})
	w.holds(alice, from, 700)
	w.holds(bob, to, 305)
}

func refusesAndMovesNothing(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	euros := w.wallet(bob, money.Money{Currency: "EUR"})
	nowhere := domain.WalletID(newID())
	for _, c := range []struct {
		posting domain.Posting
		want    domain.Refusal
	}{
		{transfer(alice, from, to, usd(101)), domain.ErrInsufficientFunds},
		{transfer(alice, from, to, usd(money.Max)), domain.ErrInsufficientFunds},
		{transfer(alice, from, euros, usd(1)), domain.ErrCurrencyMismatch},
		{transfer(alice, from, to, money.Money{Amount: 1, Currency: "EUR"}), domain.ErrCurrencyMismatch},
		{transfer(alice, from, nowhere, usd(1)), domain.ErrRecipientUnknown},
		{transfer(alice, nowhere, to, usd(1)), domain.ErrWalletNotFound},
		{transfer(bob, from, to, usd(1)), domain.ErrWalletNotFound},
	} {
		require.Equal(t, c.want, w.post(c.posting)[0].Err)
		id, err := w.Transfers.ByKey(t.Context(), c.posting.Caller.ID, c.posting.Key)
		require.NoError(t, err)
		require.Empty(t, id)
		_, err = w.Transfers.Find(t.Context(), c.posting.ID)
		require.ErrorIs(t, err, domain.ErrTransferNotFound)
	}
	w.holds(alice, from, 100)
	w.holds(bob, to, 0)
	require.Equal(t, 1, w.entries(alice, from), "the top-up")
	// What was refused for funds is judged afresh under the same key.
	p := transfer(alice, from, to, usd(101))
	require.Equal(t, domain.ErrInsufficientFunds, w.post(p)[0].Err)
	w.topUp(alice, from, usd(1))
	require.NoError(t, w.post(p)[0].Err)
}

func refusesOneOfMany(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	got := w.post(transfer(alice, from, to, usd(60)), transfer(alice, from, to, usd(60)), transfer(alice, from, to, usd(40)))
	require.NoError(t, got[0].Err)
	require.Equal(t, domain.ErrInsufficientFunds, got[1].Err)
	require.NoError(t, got[2].Err)
	w.holds(alice, from, 0)
	w.holds(bob, to, 100)
}

func takesAHotAccount(t *testing.T, w world) {
	shop := w.person()
	till := w.wallet(shop, usd(0))
	var group []domain.Posting
	for range 20 {
		payer := w.person()
		group = append(group, transfer(payer, w.wallet(payer, usd(10)), till, usd(10)))
	}
	for i, got := range w.post(group...) {
		require.NoError(t, got.Err)
		require.EqualValues(t, 10*(i+1), got.ToBalance, "each sees the ones before it")
	}
	w.holds(shop, till, 200)
}

func replaysKeys(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	first := transfer(alice, from, to, usd(70))
	w.post(first)
	again := first
	again.ID = domain.TransferID(newID())
	got := w.post(again)[0]
	require.NoError(t, got.Err, "although 70 more are not there")
	require.True(t, got.Replayed)
	require.Equal(t, first.ID, got.Transfer)
	w.holds(alice, from, 30)
	id, err := w.Transfers.ByKey(t.Context(), alice, first.Key)
	require.NoError(t, err)
	require.Equal(t, first.ID, id)
}

func refusesReusedKeys(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	first := transfer(alice, from, to, usd(1))
	w.post(first)
	other := transfer(alice, from, to, usd(2))
	other.Key = domain.Key{Value: first.Key.Value, Request: [32]byte{2}}
	require.Equal(t, domain.ErrKeyReused, w.post(other)[0].Err)
	_, err := w.Transfers.ByKey(t.Context(), alice, other.Key)
	require.ErrorIs(t, err, domain.ErrKeyReused)

	topUp := w.intent(alice, from, usd(5))
	_, _, err = w.Payments.Add(t.Context(), topUp, first.Key, time.Minute)
	require.ErrorIs(t, err, domain.ErrKeyReused, "a transfer's key is no top-up's")
	w.holds(alice, from, 99)
}

func scopesKeys(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(100))
	there, back := transfer(alice, from, to, usd(1)), transfer(bob, to, from, usd(2))
	back.Key = there.Key
	for _, got := range w.post(there, back) {
		require.NoError(t, got.Err)
		require.False(t, got.Replayed)
	}
	w.holds(alice, from, 101)
}

func respectsStatus(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	sent := transfer(alice, from, to, usd(50))
	w.post(sent)
	w.change(alice, from, func(x *domain.Wallet) error { return x.SetStatus(domain.Frozen) })
	require.Equal(t, domain.ErrWalletNotActive, w.post(transfer(alice, from, to, usd(1)))[0].Err)
	require.Equal(t, domain.ErrWalletNotActive, w.post(transfer(bob, to, from, usd(1)))[0].Err)

	require.NoError(t, w.post(reversal(sent, bob, usd(10)))[0].Err, "money on its way home is let in")
	w.holds(alice, from, 60)

	gone := w.wallet(bob, usd(0))
	w.change(bob, gone, func(x *domain.Wallet) error { return x.Close() })
	require.Equal(t, domain.ErrWalletNotActive, w.post(transfer(bob, to, gone, usd(1)))[0].Err)
}

func (w world) change(owner domain.OwnerID, id domain.WalletID, change func(*domain.Wallet) error) {
	w.t.Helper()
	_, err := w.Wallets.Change(w.t.Context(), owner, id, func(x *domain.Wallet, _ bool) error { return change(x) })
	require.NoError(w.t, err)
}

func boundsBalances(t *testing.T, w world) {
	// A currency that nothing else uses: the provider's account has a bound, too.
	alice, bob, most := w.person(), w.person(), money.Money{Amount: money.Max - 1, Currency: "XPF"}
	rich := w.wallet(alice, most)
	require.Equal(t, domain.ErrBalanceLimit, w.settle(w.intent(bob, w.wallet(bob, money.Money{Currency: "XPF"}), money.Money{Amount: 2, Currency: "XPF"})).Err)
	w.topUp(alice, rich, money.Money{Amount: 1, Currency: "XPF"})
	w.holds(alice, rich, money.Max)

	other := w.wallet(bob, money.Money{Currency: "XPF"})
	whole := transfer(alice, rich, other, money.Money{Amount: money.Max, Currency: "XPF"})
	require.NoError(t, w.post(whole)[0].Err)
	w.holds(bob, other, money.Max)
}

// reversal is the posting that sends p back, asked for by its receiver.
func reversal(p domain.Posting, receiver domain.OwnerID, amount money.Money) domain.Posting {
	r := transfer(receiver, p.To, p.From, amount)
	r.Kind, r.Reverses = domain.KindReversal, p.ID
	return r
}

func boundsReversals(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(1000))
	sent := transfer(alice, from, to, usd(100))
	w.post(sent)
	got := w.post(reversal(sent, bob, usd(60)), reversal(sent, bob, usd(41)), reversal(sent, bob, usd(30)))
	require.NoError(t, got[0].Err)
	require.Equal(t, domain.ErrReversalExceeds, got[1].Err, "60 went back in the same group")
	require.NoError(t, got[2].Err)
	require.Equal(t, domain.ErrReversalExceeds, w.post(reversal(sent, bob, usd(11)))[0].Err)
	require.NoError(t, w.post(reversal(sent, bob, usd(10)))[0].Err)
	w.holds(alice, from, 100)
	read, err := w.Transfers.Find(t.Context(), sent.ID)
	require.NoError(t, err)
	require.Equal(t, usd(100), read.Reversed)
}

func bindsReversals(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(100))
	sent := transfer(alice, from, to, usd(50))
	w.post(sent)

	elsewhere := reversal(sent, bob, usd(1))
	elsewhere.To = w.wallet(bob, usd(0))
	require.Equal(t, domain.ErrTransferNotFound, w.post(elsewhere)[0].Err)
	unknown := reversal(sent, bob, usd(1))
	unknown.Reverses = domain.TransferID(newID())
	require.Equal(t, domain.ErrTransferNotFound, w.post(unknown)[0].Err)

	back := reversal(sent, bob, usd(50))
	require.NoError(t, w.post(back)[0].Err)
	require.Equal(t, domain.ErrNotReversible, w.post(reversal(back, alice, usd(1)))[0].Err)
	require.Equal(t, domain.ErrWalletNotFound, w.post(reversal(sent, alice, usd(1)))[0].Err, "it is not alice's to send back")
}

func settlesOnce(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(0))
	intent := w.intent(alice, id, usd(500))
	first := w.settle(intent)
	require.NoError(t, first.Err)
	require.False(t, first.Settled)
	require.True(t, w.settle(intent).Settled)
	w.holds(alice, id, 500)
	stored := w.payment(intent)
	require.Equal(t, domain.PaymentSucceeded, stored.Status)
	require.Equal(t, first.Transfer, stored.Transfer)
}

func guardsSystemAccounts(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(100))
	account := w.accounts("sandbox", "USD").Provider
	require.Equal(t, domain.ErrRecipientUnknown, w.post(transfer(alice, id, account, usd(1)))[0].Err)
	require.Equal(t, domain.ErrWalletNotFound, w.post(transfer(alice, account, id, usd(1)))[0].Err)
	operator := transfer(alice, account, id, usd(1))
	operator.Caller.Operator = true
	require.Equal(t, domain.ErrWalletNotFound, w.post(operator)[0].Err)
	w.holds(alice, id, 100)
}

// atOnce runs n calls at the same time and returns how many were accepted.
func atOnce(t *testing.T, w world, n int, posting func(i int) domain.Posting) (accepted int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			posted, err := w.Ledger.Post(t.Context(), []domain.Posting{posting(i)})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("posting %d: %v", i, err)
			} else if posted[0].Err == nil && !posted[0].Replayed {
				accepted++
			}
		})
	}
	wg.Wait()
	return accepted
}

func neverOverdraws(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	require.Equal(t, 14, atOnce(t, w, 30, func(int) domain.Posting { return transfer(alice, from, to, usd(7)) }))
	w.holds(alice, from, 2)
	w.holds(bob, to, 98)
}

func onceUnderContention(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
	first := transfer(alice, from, to, usd(10))
	require.Equal(t, 1, atOnce(t, w, 20, func(int) domain.Posting {
		p := first
		p.ID = domain.TransferID(newID())
		return p
	}))
	w.holds(alice, from, 90)
}

func crossesWithoutDeadlock(t *testing.T, w world) {
	alice, bob := w.person(), w.person()
	a, b := w.wallet(alice, usd(1000)), w.wallet(bob, usd(1000))
	require.Equal(t, 60, atOnce(t, w, 60, func(i int) domain.Posting {
		if i%2 == 0 {
			return transfer(alice, a, b, usd(1))
		}
		return transfer(bob, b, a, usd(1))
	}))
	w.holds(alice, a, 1000)
	w.holds(bob, b, 1000)
}

func oneProviderAccount(t *testing.T, w world) {
	all := make([]domain.Accounts, 8)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = w.Ledger.Accounts(t.Context(), "fresh", "CHF"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, a := range all {
		require.Equal(t, all[0], a)
	}
	other := w.accounts("other", "CHF")
	require.NotEqual(t, all[0].Provider, other.Provider)
	require.Equal(t, all[0].Fees, other.Fees, "fees and what is owed are one account a currency")
	require.Equal(t, all[0].Receivable, other.Receivable)
	require.Len(t, map[domain.WalletID]bool{other.Provider: true, other.Fees: true, other.Receivable: true}, 3)
}

func takesFees(t *testing.T, w world) {
	alice := w.person()
	id := w.wallet(alice, usd(0))
	p := w.intent(alice, id, usd(1000))
	require.Equal(t, usd(0), p.Fee)
	top, err := domain.NewTopUp(domain.PaymentID(newID()), alice, id, "sandbox", usd(1000))
	require.NoError(t, err)
	top.Fee = usd(59)
	top = w.add(top)
	require.Equal(t, usd(59), top.Fee)
	got := w.settle(top)
	require.NoError(t, got.Err)
	require.EqualValues(t, 941, got.ToBalance, "the fee is gone already")
	w.holds(alice, id, 941)
	require.Equal(t, 2, w.entries(alice, id))
	require.True(t, w.settle(top).Settled)
	w.holds(alice, id, 941)
	require.Equal(t, 2, w.entries(alice, id), "no fee without its payment")
}
