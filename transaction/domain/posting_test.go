package domain_test

import (
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
