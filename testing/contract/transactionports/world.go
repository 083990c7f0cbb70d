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
	Revocations ports.RevocationStore
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
	t, replayed, err := w.Payments.Add(w.t.Context(), t, freshKey())
	require.NoError(w.t, err)
	require.False(w.t, replayed)
	return t
}

func (w world) settle(t domain.Payment) ports.Posted {
	w.t.Helper()
	account, err := w.Ledger.ProviderAccount(w.t.Context(), t.Provider, t.Amount.Currency)
	require.NoError(w.t, err)
	return w.post(t.Settlement(domain.TransferID(newID()), "", domain.Accounts{Provider: account}))[0]
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
