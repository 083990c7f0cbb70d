package properties_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

func TestAnySequenceOfOperations_DoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	a, db := core(t)
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{t: t.Context(), app: a, db: db.App, owners: []domain.OwnerID{person(), person(), person()}}
		for range 3 {
			m.Open(r)
		}
		r.Repeat(rapid.StateMachineActions(m))
	})
	requireClean(t, db.Admin)
}

func person() domain.OwnerID { return domain.OwnerID(uuid.NewString()) }

// machine does each operation to the use cases and to the model, and compares.
type machine struct {
	t      context.Context //nolint:containedctx // of the test; rapid's actions take none
	app    *app.App
	db     *sqlx.DB
	owners []domain.OwnerID
	done   []app.TransferCommand // those that moved money
	ids    []domain.TransferID   // and what they made
	model
}

var currencies = []money.Currency{"USD", "EUR", "JPY"}

// amounts are mostly of everyday size, sometimes at the bounds.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, 5000), rapid.SampledFrom([]int64{money.Max - 1, money.Max}))
}

func (m *machine) wallet(r *rapid.T, name string) *wallet {
	return rapid.SampledFrom(m.wallets).Draw(r, name)
}

func (m *machine) owner(r *rapid.T, likely domain.OwnerID) domain.OwnerID {
	if rapid.IntRange(0, 9).Draw(r, "stranger") == 0 {
		return rapid.SampledFrom(m.owners).Draw(r, "caller")
	}
	return likely
}

func (m *machine) currency(r *rapid.T, likely money.Currency) money.Currency {
	if rapid.IntRange(0, 9).Draw(r, "other currency") == 0 {
		return rapid.SampledFrom(currencies).Draw(r, "currency")
	}
	return likely
}

func (m *machine) Open(r *rapid.T) {
	w := &wallet{
		owner: rapid.SampledFrom(m.owners).Draw(r, "owner"), status: domain.Active,
		currency: rapid.SampledFrom(currencies[:1+len(m.wallets)/4%3]).Draw(r, "currency"), // often one that another has, too
	}
	opened, err := m.app.OpenWallet(m.t, w.owner, w.currency, "purse")
	require.NoError(r, err)
	w.id = opened.ID
	m.wallets = append(m.wallets, w)
}

func (m *machine) TopUp(r *rapid.T) {
	w, amount := m.wallet(r, "into"), rapid.Int64Range(1, 9000).Draw(r, "amount")
	currency := m.currency(r, w.currency)
	got, err := m.app.TopUp(m.t, app.TopUpCommand{
		Owner: w.owner, Wallet: w.id, Amount: money.Money{Amount: amount, Currency: currency}, Providers: []string{"sandbox"}, Key: key(uuid.NewString()),
	})
	if agree(r, m.topUp(w, amount, currency), err) {
		require.Equal(r, domain.PaymentSucceeded, got.Status)
		require.Equal(r, w.balance, got.Balance.Amount)
	}
}

func (m *machine) Transfer(r *rapid.T) {
	from, to, amount := m.wallet(r, "from"), m.wallet(r, "to"), amounts().Draw(r, "amount")
	caller, currency := m.owner(r, from.owner), m.currency(r, from.currency)
	c := app.TransferCommand{
		Caller: domain.Caller{ID: caller}, From: from.id, To: to.id, Amount: money.Money{Amount: amount, Currency: currency},
		Key: key(uuid.NewString(), from.id, to.id, amount),
	}
	got, err := m.app.Transfer(m.t, c)
	if agree(r, m.transfer(caller, from, to, amount, currency), err) {
		m.transfers[len(m.transfers)-1].id = got.ID
		require.Equal(r, from.balance, got.Balance.Amount)
		require.False(r, got.Replayed)
		m.done, m.ids = append(m.done, c), append(m.ids, got.ID)
	}
}

func (m *machine) Reverse(r *rapid.T) {
	if len(m.transfers) == 0 {
		r.Skip("nothing to reverse")
	}
	original := rapid.SampledFrom(m.transfers).Draw(r, "original")
	o := domain.ReversalOrder{Caller: domain.Caller{ID: m.owner(r, original.to.owner)}, Key: key(uuid.NewString())}
	amount := rapid.Int64Range(0, original.amount+1).Draw(r, "amount") // 0: all that is left
	if amount > 0 {
		o.Amount = &money.Money{Amount: amount, Currency: original.to.currency}
	}
	got, err := m.app.ReverseTransfer(m.t, original.id, o)
	if amount > money.Max {
		require.Error(r, err)
		return
	}
	if agree(r, m.reverse(o.Caller.ID, original, amount), err) {
		m.transfers[len(m.transfers)-1].id = got.ID
		require.Equal(r, original.to.balance, got.Balance.Amount)
	}
}

// Repeat sends a transfer once more: with the same key it moves nothing, with the key of
// another request it is refused.
func (m *machine) Repeat(r *rapid.T) {
	if len(m.done) == 0 {
		r.Skip("nothing to repeat")
	}
	i := rapid.IntRange(0, len(m.done)-1).Draw(r, "which")
	got, err := m.app.Transfer(m.t, m.done[i])
	require.NoError(r, err)
	require.True(r, got.Replayed)
	require.Equal(r, m.ids[i], got.ID)
	other := m.done[i]
	other.Amount.Amount = 1 + other.Amount.Amount%100
	other.Key = key(other.Key.Value, "something else")
	_, err = m.app.Transfer(m.t, other)
	require.ErrorIs(r, err, domain.ErrKeyReused)
}

func (m *machine) Freeze(r *rapid.T) {
	w := m.wallet(r, "wallet")
	status := rapid.SampledFrom([]domain.Status{domain.Active, domain.Active, domain.Frozen}).Draw(r, "status")
	_, err := m.app.ChangeWallet(m.t, w.owner, w.id, app.WalletChange{Status: &status})
	agree(r, w.setStatus(status), err)
}

func (m *machine) Close(r *rapid.T) {
	w := m.wallet(r, "wallet")
	if w.balance == 0 && rapid.IntRange(0, 3).Draw(r, "really") > 0 {
		r.Skip("keep some open")
	}
	_, err := m.app.CloseWallet(m.t, w.owner, w.id)
	agree(r, w.close(), err)
}

// Check compares every balance and status after each operation.
func (m *machine) Check(r *rapid.T) {
	for _, w := range m.wallets {
		var got struct {
			Balance int64
			Status  string
		}
		require.NoError(r, m.db.GetContext(m.t, &got, `SELECT balance, status FROM account WHERE id = $1`, w.id))
		require.Equal(r, w.balance, got.Balance)
		require.EqualValues(r, w.status, got.Status)
	}
}

// agree requires that both did it, or both refused it for the same reason.
func agree(r *rapid.T, want, got error) (done bool) {
	if want == nil {
		require.NoError(r, got)
		return true
	}
	require.ErrorIs(r, got, want)
	return false
}
