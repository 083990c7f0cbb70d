// Package transactionports holds the contract of each port of the transaction service: what
// any implementation must do. An adapter's tests call RunLedger, RunWallets and so on.
package transactionports

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Stores are the storage ports on one store.
type Stores struct {
	Ledger      ports.Ledger
	Wallets     ports.Wallets
	Transfers   ports.Transfers
	History     ports.History
	Payments    ports.Payments
	Holds       ports.Holds
	Disputes    ports.Disputes
	Revocations ports.RevocationStore
	Inbox       ports.Inbox
}

// world is a test's own people and wallets, in a store that other tests may share.
type world struct {
	Stores
	t *testing.T
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func usd(amount int64) money.Money { return money.Money{Amount: amount, Currency: "USD"} }

func (w world) person() domain.OwnerID { return domain.OwnerID(newID()) }

// wallet opens a wallet that holds some money, which a top-up brought.
func (w world) wallet(owner domain.OwnerID, holds money.Money) domain.WalletID {
	w.t.Helper()
	wallet, err := domain.NewWallet(domain.WalletID(newID()), owner, holds.Currency, "test")
	require.NoError(w.t, err)
	require.NoError(w.t, w.Wallets.Add(w.t.Context(), wallet, 1000))
	if holds.Amount > 0 {
		w.topUp(owner, wallet.ID, holds)
	}
	return wallet.ID
}

func (w world) topUp(owner domain.OwnerID, id domain.WalletID, amount money.Money) {
	w.t.Helper()
	require.NoError(w.t, w.settle(w.intent(owner, id, amount)).Err)
}

func (w world) intent(owner domain.OwnerID, id domain.WalletID, amount money.Money) domain.Payment {
	w.t.Helper()
	t, err := domain.NewTopUp(domain.PaymentID(newID()), owner, id, "sandbox", amount)
	require.NoError(w.t, err)
	return w.add(t)
}

func (w world) add(p domain.Payment) domain.Payment {
	w.t.Helper()
	p, replayed, err := w.Payments.Add(w.t.Context(), p, freshKey(), time.Minute)
	require.NoError(w.t, err)
	require.False(w.t, replayed)
	return p
}

func (w world) accounts(provider string, currency money.Currency) domain.Accounts {
	w.t.Helper()
	a, err := w.Ledger.Accounts(w.t.Context(), provider, currency)
	require.NoError(w.t, err)
	return a
}

func (w world) settle(p domain.Payment) ports.Posted {
	w.t.Helper()
	return w.post(p.Settlement(domain.TransferID(newID()), domain.TransferID(newID()), w.accounts(p.Provider, p.Amount.Currency)))[0]
}

// payment reads a payment as it is stored.
func (w world) payment(p domain.Payment) domain.Payment {
	w.t.Helper()
	found, err := w.Payments.Find(w.t.Context(), p.Owner, p.Kind, p.ID)
	require.NoError(w.t, err)
	return found
}

// captured is a top-up that came in through a provider of its own.
func (w world) captured(owner domain.OwnerID, id domain.WalletID, amount money.Money) domain.Payment {
	w.t.Helper()
	p, err := domain.NewTopUp(domain.PaymentID(newID()), owner, id, "provider "+newID(), amount)
	require.NoError(w.t, err)
	p = w.add(p)
	require.NoError(w.t, w.settle(p).Err)
	return w.payment(p)
}

func (w world) withdrawal(owner domain.OwnerID, id domain.WalletID, amount, fee money.Money) domain.Payment {
	w.t.Helper()
	p, err := domain.NewWithdrawal(domain.PaymentID(newID()), owner, id, "provider "+newID(), amount, "there")
	require.NoError(w.t, err)
	p.Fee = fee
	return p
}

func (w world) hold(owner domain.OwnerID, from, to domain.WalletID, amount money.Money) domain.Hold {
	w.t.Helper()
	h, replayed, err := w.Holds.Place(w.t.Context(), aHold(owner, from, to, amount, time.Hour), freshKey())
	require.NoError(w.t, err)
	require.False(w.t, replayed)
	return h
}

func aHold(owner domain.OwnerID, from, to domain.WalletID, amount money.Money, lasts time.Duration) domain.Hold {
	return domain.Hold{
		ID: domain.HoldID(newID()), Owner: owner, From: from, To: to, Amount: amount, Description: "it's held",
		Status: domain.HoldPending, ExpiresAt: time.Now().Add(lasts).UTC().Truncate(time.Microsecond),
	}
}

// disputed is an open dispute of a top-up of amount.
func (w world) disputed(owner domain.OwnerID, id domain.WalletID, amount money.Money) domain.Dispute {
	w.t.Helper()
	p := w.captured(owner, id, amount)
	d, err := p.Dispute(domain.DisputeID(newID()), domain.DisputeNotice{Ref: newID(), Amount: amount})
	require.NoError(w.t, err)
	d, err = w.Disputes.Keep(w.t.Context(), d)
	require.NoError(w.t, err)
	require.NoError(w.t, w.post(d.Opening(domain.TransferID(newID()), w.accounts(d.Provider, d.Amount.Currency)))[0].Err)
	d.Status = domain.DisputeOpen
	return d
}

// available requires what of a balance can be spent.
func (w world) available(id domain.WalletID, amount int64) {
	w.t.Helper()
	got, err := w.Holds.Available(w.t.Context(), id)
	require.NoError(w.t, err)
	require.Equal(w.t, amount, got)
}

func freshKey() domain.Key { return domain.Key{Value: newID(), Request: [32]byte{1}} }

// transfer is a posting of owner's, with a key of its own.
func transfer(owner domain.OwnerID, from, to domain.WalletID, amount money.Money) domain.Posting {
	return domain.Posting{Kind: domain.KindTransfer, Order: domain.Order{
		ID: domain.TransferID(newID()), Caller: domain.Caller{ID: owner}, From: from, To: to, Amount: amount,
		Description: "it's {\"odd\", \\ text}", Key: freshKey(),
	}}
}

func (w world) post(group ...domain.Posting) []ports.Posted {
	w.t.Helper()
	posted, err := w.Ledger.Post(w.t.Context(), group)
	require.NoError(w.t, err)
	require.Len(w.t, posted, len(group))
	return posted
}

// holds requires a balance, as stored and as the newest entry says.
func (w world) holds(owner domain.OwnerID, id domain.WalletID, amount int64) {
	w.t.Helper()
	wallet, err := w.Wallets.Find(w.t.Context(), owner, id)
	require.NoError(w.t, err)
	require.Equal(w.t, amount, wallet.Balance.Amount)
	last, err := w.History.BalanceAt(w.t.Context(), id, time.Now().Add(time.Hour), true)
	require.NoError(w.t, err)
	require.Equal(w.t, amount, last)
}

// entries returns how many entries a wallet has.
func (w world) entries(owner domain.OwnerID, id domain.WalletID) int {
	w.t.Helper()
	es, err := w.History.Entries(w.t.Context(), ports.EntryQuery{Owner: owner, Wallet: id, Limit: 1000})
	require.NoError(w.t, err)
	return len(es)
}
