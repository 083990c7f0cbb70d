package stripe

import (
	"strings"

	"github.com/stripe/stripe-go/v84"

	"github.com/micropay/micropay/shared/money"
)

// Stripe counts in the minor units of ISO 4217, as we do, but for these. Hundredths that are
// always 00 are what became of two decimal places that the currency has no more; whole ariary are
// what people pay in, of five iraimbilanja each.
// Source: docs.stripe.com/currencies, zero-decimal currencies and special cases.
var (
	inHundredths = map[money.Currency]bool{"ISK": true, "UGX": true} // without decimal places in ISO 4217
	inWholes     = map[money.Currency]bool{"MGA": true}              // with two of them in ISO 4217
)

const hundredths = 100

// units is an amount as Stripe counts it; false when it has no unit for so small a part.
func units(m money.Money) (int64, bool) {
	switch {
	case inHundredths[m.Currency]:
		return m.Amount * hundredths, true // within int64: money.Max is 2^53-1
	case inWholes[m.Currency]:
		return m.Amount / hundredths, m.Amount%hundredths == 0
	}
	return m.Amount, true
}

// amountOf reads what Stripe counted: 0..money.Max minor units, nothing is rounded. Whether it is
// the amount that was asked for is not judged here.
func amountOf(amount int64, currency stripe.Currency) (money.Money, error) {
	m := money.Money{Amount: amount, Currency: money.Currency(strings.ToUpper(string(currency)))}
	rest := int64(0)
	switch {
	case inHundredths[m.Currency]:
		m.Amount, rest = amount/hundredths, amount%hundredths
	case inWholes[m.Currency]:
		if amount > money.Max/hundredths {
			return money.Money{}, unfitf("an amount of %d %q", amount, currency)
		}
		m.Amount = amount * hundredths
	}
	if rest != 0 || m.Amount < 0 || m.Amount > money.Max {
		return money.Money{}, unfitf("an amount of %d %q", amount, currency)
	}
	return m, nil
}
