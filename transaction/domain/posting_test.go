package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

func order() domain.Order {
	return domain.Order{
		ID: "t1", Caller: domain.Caller{ID: "alice"}, From: "w1", To: "w2",
		Amount: money.Money{Amount: 1050, Currency: "USD"}, Description: "lunch",
		Key: domain.Key{Value: "k1", Request: [32]byte{1}},
	}
}

func TestNewTransfer_IsOnePostingBetweenTwoWallets(t *testing.T) {
	t.Parallel()
	p, err := domain.NewTransfer(order())
	require.NoError(t, err)
	require.Equal(t, domain.Posting{Order: order(), Kind: domain.KindTransfer}, p)
}

func TestNewTransfer_RefusesTheSameWallet(t *testing.T) {
	t.Parallel()
	o := order()
	o.To = o.From
	_, err := domain.NewTransfer(o)
	require.ErrorIs(t, err, domain.ErrSameWallet)
}

func TestNewTransfer_RefusesAmountsThatAreNotPositive(t *testing.T) {
	t.Parallel()
	for _, amount := range []int64{0, -1, -money.Max, money.Max + 1} {
		o := order()
		o.Amount.Amount = amount
		_, err := domain.NewTransfer(o)
		var invalid domain.Invalid
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, "amount", invalid[0].Field)
	}
	o := order()
	o.Amount.Amount = money.Max
	_, err := domain.NewTransfer(o)
	require.NoError(t, err)
}

func TestNewTransfer_BoundsTheDescription(t *testing.T) {
	t.Parallel()
	o := order()
	o.Description = strings.Repeat("ß", domain.MaxDescriptionLength)
	_, err := domain.NewTransfer(o)
	require.NoError(t, err)

	o.Description += "!"
	o.Amount.Amount = 0
	_, err = domain.NewTransfer(o)
	var invalid domain.Invalid
	require.ErrorAs(t, err, &invalid)
	require.Len(t, invalid, 2, "every bad field is named at once")
}
