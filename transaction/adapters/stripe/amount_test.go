package stripe_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/adapters/stripe"
	"github.com/micropay/micropay/transaction/domain"
)

// echoes makes whatever is asked for, of the amount that was asked for, and keeps that amount.
func echoes(t *testing.T) (*stripe.Provider, *atomic.Value) {
	t.Helper()
	var asked atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		amount := json.Number(r.FormValue("amount"))
		asked.Store(string(amount))
		currency := r.FormValue("currency")
		if currency == "" {
			currency = "isk" // a refund has that of its charge
		}
		kind := map[string]string{"payment_intents": "payment_intent", "refunds": "refund", "transfers": "transfer"}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"id": "x_1", "object": kind[strings.TrimPrefix(r.URL.Path, "/v1/")], "status": "succeeded", "currency": currency,
			"amount": amount, "amount_received": amount, "payment_intent": r.FormValue("payment_intent"), "destination": r.FormValue("destination"),
			"metadata": map[string]string{"payment_id": r.FormValue("metadata[payment_id]")},
		})
	}))
	t.Cleanup(s.Close)
	return provider(s.URL), &asked
}

// Source: docs.stripe.com/currencies, zero-decimal currencies and special cases: "to charge 5 ISK,
// provide an amount value of 500".
func TestStripe_Amounts_AreInStripesUnitsThereAndInOursHere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  domain.PaymentKind
		ours  money.Money
		there string
	}{
		{domain.PaymentTopUp, money.Money{Amount: 1050, Currency: "USD"}, "1050"},
		{domain.PaymentTopUp, money.Money{Amount: 500, Currency: "JPY"}, "500"},
		{domain.PaymentTopUp, money.Money{Amount: 5120, Currency: "KWD"}, "5120"},
		{domain.PaymentTopUp, money.Money{Amount: 5, Currency: "ISK"}, "500"},
		{domain.PaymentTopUp, money.Money{Amount: 5, Currency: "UGX"}, "500"},
		{domain.PaymentTopUp, money.Money{Amount: 500, Currency: "MGA"}, "5"},
		{domain.PaymentTopUp, money.Money{Amount: money.Max, Currency: "ISK"}, "900719925474099100"},
		{domain.PaymentRefund, money.Money{Amount: 5, Currency: "ISK"}, "500"},
		{domain.PaymentWithdrawal, money.Money{Amount: 5, Currency: "ISK"}, "500"},
	} {
		p, asked := echoes(t)
		wanted := payment(c.kind)
		wanted.Amount = c.ours
		got, err := p.Start(t.Context(), wanted)
		require.NoError(t, err, "%v", c)
		require.Equal(t, domain.PaymentSucceeded, got.Status)
		require.Equal(t, c.there, asked.Load(), "%v", c)
		require.Equal(t, c.ours, got.Amount)
	}
}

func TestStripe_AmountThatStripeHasNoUnitFor_IsRefusedUnasked(t *testing.T) {
	t.Parallel()
	p, asked := echoes(t)
	half := payment(domain.PaymentTopUp)
	half.Amount = money.Money{Amount: 150, Currency: "MGA"} // Stripe counts whole ariary
	got, err := p.Start(t.Context(), half)
	require.NoError(t, err)
	require.Equal(t, []any{domain.PaymentFailed, "amount_not_whole", half.Amount}, []any{got.Status, got.FailureCode, got.Amount})
	require.Nil(t, asked.Load(), "nobody was asked")
}

func TestStripe_AmountThatIsNoneOfOurs_IsNotRead(t *testing.T) {
	t.Parallel()
	about := payment(domain.PaymentTopUp)
	about.ProviderRef = "x_1"
	for _, amount := range []string{
		`550,"currency":"isk"`, `-5,"currency":"usd"`, `9007199254740992,"currency":"usd"`, `9223372036854775807,"currency":"mga"`,
		`9223372036854775808,"currency":"usd"`, `1.5,"currency":"usd"`, `1e3,"currency":"usd"`, `"5","currency":"usd"`,
	} {
		_, err := says(t, 200, `{"id":"x_1","object":"payment_intent","status":"processing","metadata":{"payment_id":"`+string(about.ID)+`"},"amount":`+amount+`}`).
			Look(t.Context(), about)
		require.Error(t, err, amount)
	}
}
