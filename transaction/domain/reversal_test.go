package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

func original() domain.Transfer {
	return domain.Transfer{
		ID: "t1", Kind: domain.KindTransfer, From: "w1", To: "w2", FromOwner: "alice", ToOwner: "bob",
		Amount: usd(1000), Reversed: usd(400), Description: "lunch", CreatedAt: noon,
	}
}

func usd(amount int64) money.Money { return money.Money{Amount: amount, Currency: "USD"} }

func back(caller string, amount *money.Money) domain.ReversalOrder {
	return domain.ReversalOrder{ID: "r1", Caller: domain.Caller{ID: domain.OwnerID(caller)}, Amount: amount, Description: "sorry"}
}

func TestReverse_SendsBackWhatIsLeft(t *testing.T) {
	t.Parallel()
	p, err := original().Reverse(back("bob", nil))
	require.NoError(t, err)
	require.Equal(t, domain.Posting{
		Order: domain.Order{
			ID: "r1", Caller: domain.Caller{ID: "bob"}, From: "w2", To: "w1", Amount: usd(600), Description: "sorry",
		},
		Kind: domain.KindReversal, Reverses: "t1",
	}, p)
}

func TestReverse_InPartsNeverMoreThanWasSent(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]error{1: nil, 600: nil, 601: domain.ErrReversalExceeds, money.Max: domain.ErrReversalExceeds} {
		part := usd(amount)
		_, err := original().Reverse(back("bob", &part))
		require.ErrorIs(t, err, want)
	}
	whole := original()
	whole.Reversed = whole.Amount
	_, err := whole.Reverse(back("bob", nil))
	require.ErrorIs(t, err, domain.ErrReversalExceeds, "nothing is left to send back")
}

func TestReverse_OnlyByReceiverOrOperator(t *testing.T) {
	t.Parallel()
	_, err := original().Reverse(back("alice", nil))
	require.ErrorIs(t, err, domain.ErrNotReceiver, "the sender cannot take it back")
	_, err = original().Reverse(back("mallory", nil))
	require.ErrorIs(t, err, domain.ErrTransferNotFound, "a stranger does not learn that it exists")

	o := back("olga", nil)
	o.Caller.Operator = true
	_, err = original().Reverse(o)
	require.NoError(t, err)
}

func TestReverse_RefusesOtherCurrencyOrBadAmount(t *testing.T) {
	t.Parallel()
	euro := money.Money{Amount: 1, Currency: "EUR"}
	_, err := original().Reverse(back("bob", &euro))
	require.ErrorIs(t, err, domain.ErrCurrencyMismatch)

	zero := usd(0)
	_, err = original().Reverse(back("bob", &zero))
	require.ErrorAs(t, err, new(domain.Invalid))
}

func TestReverse_OnlyTransfersBetweenWallets(t *testing.T) {
	t.Parallel()
	for _, kind := range []domain.Kind{domain.KindReversal, domain.KindTopUp, domain.KindWithdrawal, domain.KindFee} {
		o := original()
		o.Kind = kind
		_, err := o.Reverse(back("bob", nil))
		require.ErrorIs(t, err, domain.ErrNotReversible)
	}
}

func TestTransfer_IsSeenByItsTwoSidesAndOperators(t *testing.T) {
	t.Parallel()
	for id, want := range map[domain.OwnerID]bool{"alice": true, "bob": true, "mallory": false, "": false} {
		require.Equal(t, want, original().VisibleTo(domain.Caller{ID: id}), "%q", id)
	}
	require.True(t, original().VisibleTo(domain.Caller{ID: "olga", Operator: true}))
}
