package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

func TestFee_IsFixedPlusBasisPoints_RoundedHalfToEven(t *testing.T) {
	t.Parallel()
	fees := domain.Fees{{Kind: domain.PaymentTopUp, Currency: "USD", Fixed: 30, BasisPoints: 290}}
	for amount, want := range map[int64]int64{
		100_00:    3_20, // 2.90 and 30 cents
		1_00:      33,   // 2.9 cents are 3
		50:        31,   // 1.45
		500:       44,   // 14.5
		1500:      74,   // 43.5
		2500:      102,  // 72.5
		1:         30,
		money.Max: 261_208_778_387_519,
	} {
		require.Equal(t, usd(want), fees.On(domain.PaymentTopUp, usd(amount)), amount)
	}
}

func TestFees_AreThoseOfTheirKindAndCurrency(t *testing.T) {
	t.Parallel()
	fees := domain.Fees{
		{Kind: domain.PaymentTopUp, Currency: "USD", Fixed: 30},
		{Kind: domain.PaymentWithdrawal, Currency: "USD", Fixed: 100},
	}
	require.Equal(t, usd(30), fees.On(domain.PaymentTopUp, usd(1000)))
	require.Equal(t, usd(100), fees.On(domain.PaymentWithdrawal, usd(1000)))
	require.Equal(t, usd(0), fees.On(domain.PaymentRefund, usd(1000)))
	euro := money.Money{Amount: 1000, Currency: "EUR"}
	require.Equal(t, money.Money{Currency: "EUR"}, fees.On(domain.PaymentTopUp, euro))
}

func TestParseFees_ReadsRulesAndNamesTheBadOne(t *testing.T) {
	t.Parallel()
	fees, err := domain.ParseFees([]string{"stripe:topup:USD:30:290", "paypal:withdrawal:JPY:0:200", "stripe:withdrawal:USD:25:0"})
	require.NoError(t, err)
	require.Equal(t, map[string]domain.Fees{
		"stripe": {
			{Kind: domain.PaymentTopUp, Currency: "USD", Fixed: 30, BasisPoints: 290},
			{Kind: domain.PaymentWithdrawal, Currency: "USD", Fixed: 25},
		},
		"paypal": {{Kind: domain.PaymentWithdrawal, Currency: "JPY", BasisPoints: 200}},
	}, fees)
	for _, bad := range []string{
		"", "stripe", "stripe:topup:USD:30", "stripe:topup:USD:30:290:1", ":topup:USD:30:290", "stripe:refund:USD:1:0",
		"stripe:topup:usd:30:290", "stripe:topup:USD:-1:0", "stripe:topup:USD:0:10001", "stripe:topup:USD:x:1", "stripe:topup:USD:1:x",
		"stripe:topup:USD:1:-1", "stripe:topup:USD:9007199254740992:0",
	} {
		_, err := domain.ParseFees([]string{"stripe:topup:USD:30:290", bad})
		require.ErrorContains(t, err, `"`+bad+`"`)
	}
	_, err = domain.ParseFees([]string{"stripe:topup:USD:30:290", "stripe:topup:USD:1:1"})
	require.ErrorContains(t, err, "twice")
}
