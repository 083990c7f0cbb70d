package money_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
)

func TestParseCurrency_TakesOnlyISO4217Codes(t *testing.T) {
	t.Parallel()
	for code, exponent := range map[string]int{"JPY": 0, "USD": 2, "EUR": 2, "KWD": 3, "CLF": 4} {
		c, err := money.ParseCurrency(code)
		require.NoError(t, err)
		require.Equal(t, exponent, c.Exponent(), code)
	}
	for _, code := range []string{"", "usd", "US", "USDT", "XXX", "BTC", "U$D", "ＵＳＤ", " USD", "ZZZ"} {
		_, err := money.ParseCurrency(code)
		require.ErrorIs(t, err, money.ErrUnknownCurrency, "%q", code)
	}
}

func TestNew_IsAPositiveAmountUpToMax(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]error{
		1: nil, money.Max: nil, 0: money.ErrNotPositive, -1: money.ErrNotPositive, money.Max + 1: money.ErrTooLarge,
	} {
		_, err := money.New(amount, "USD")
		require.ErrorIs(t, err, want, "%d", amount)
	}
	_, err := money.New(1, "usd")
	require.ErrorIs(t, err, money.ErrUnknownCurrency)
}

func TestMoney_AddAndSub_StayWithinBounds(t *testing.T) {
	t.Parallel()
	most, one := money.Money{Amount: money.Max, Currency: "USD"}, money.Money{Amount: 1, Currency: "USD"}
	_, err := most.Add(one)
	require.ErrorIs(t, err, money.ErrOverflow)
	back, err := most.Sub(one)
	require.NoError(t, err)
	require.Equal(t, money.Max-1, back.Amount)
	_, err = money.Money{Amount: -money.Max, Currency: "USD"}.Sub(one)
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = one.Add(money.Money{Amount: 1, Currency: "EUR"})
	require.ErrorIs(t, err, money.ErrCurrencyMismatch)
	_, err = one.Sub(money.Money{Amount: 1, Currency: "EUR"})
	require.ErrorIs(t, err, money.ErrCurrencyMismatch)
}

func TestMoney_Decimal_KnowsTheExponent(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]money.Money{
		"10.50": {Amount: 1050, Currency: "USD"}, "0.05": {Amount: 5, Currency: "USD"}, "-0.05": {Amount: -5, Currency: "USD"},
		"1050": {Amount: 1050, Currency: "JPY"}, "1.050": {Amount: 1050, Currency: "KWD"}, "0.00": {Currency: "USD"},
		"90071992547409.91": {Amount: money.Max, Currency: "USD"},
	} {
		require.Equal(t, want, m.Decimal())
	}
	require.Equal(t, "10.50 USD", money.Money{Amount: 1050, Currency: "USD"}.String())
}

func TestMoney_JSON_IsMinorUnitsAndCode(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(money.Money{Amount: 1050, Currency: "USD"})
	require.NoError(t, err)
	require.JSONEq(t, `{"amount":1050,"currency":"USD"}`, string(b))
}

func TestParseAmount_TakesOnlyAWholeNumberOfMinorUnits(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int64{"1": 1, "0": 0, "-1": -1, "1050": 1050, "9007199254740991": money.Max} {
		got, err := money.ParseAmount([]byte(raw))
		require.NoError(t, err, raw)
		require.Equal(t, want, got)
	}
	for raw, want := range map[string]error{
		`"1"`: money.ErrNotANumber, `null`: money.ErrNotANumber, `true`: money.ErrNotANumber, `[]`: money.ErrNotANumber,
		`{}`: money.ErrNotANumber, ``: money.ErrNotANumber, `abc`: money.ErrNotANumber, `NaN`: money.ErrNotANumber,
		`−5`: money.ErrNotANumber, `+5`: money.ErrNotANumber, `-`: money.ErrNotANumber, `01`: money.ErrNotANumber,
		`1.0`: money.ErrFraction, `0.001`: money.ErrFraction, `1.5`: money.ErrFraction,
		`1e3`: money.ErrExponent, `1E3`: money.ErrExponent, `1.5e1`: money.ErrExponent, `1e309`: money.ErrExponent,
		`9007199254740992`: money.ErrTooLarge, `-9007199254740992`: money.ErrTooLarge,
		`9223372036854775808`: money.ErrTooLarge, `1000000000000000000000000000000`: money.ErrTooLarge,
	} {
		_, err := money.ParseAmount([]byte(raw))
		require.ErrorIs(t, err, want, "%q", raw)
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"1", "-1", "1.5", "1e3", `"1"`, "9007199254740992", "null", "01", "−5"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		amount, err := money.ParseAmount(raw)
		if err != nil {
			require.Zero(t, amount)
			return
		}
		require.Equal(t, string(raw), fmt.Sprint(amount), "one number, one spelling")
		require.LessOrEqual(t, max(amount, -amount), money.Max)
	})
}

func ExampleMoney_String() {
	fmt.Println(money.Money{Amount: 1050, Currency: "USD"}, money.Money{Amount: 1050, Currency: "JPY"})
	// Output: 10.50 USD 1050 JPY
}
