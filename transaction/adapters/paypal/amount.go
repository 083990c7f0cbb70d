package paypal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/micropay/micropay/shared/money"
)

// amount is PayPal's: a decimal text with as many places as the currency has
// (developer.paypal.com/docs/api/orders/v2/#definition-amount). Payouts call the currency otherwise.
type amount struct {
	CurrencyCode string `json:"currency_code,omitempty"`
	Currency     string `json:"currency,omitempty"`
	Value        string `json:"value"`
}

func amountOf(m money.Money) amount {
	return amount{CurrencyCode: string(m.Currency), Value: m.Decimal()}
}

// money reads an amount; nothing is rounded. A leading minus is kept.
func (a amount) money() (money.Money, error) {
	c := money.Currency(a.CurrencyCode + a.Currency)
	whole, fraction, hasPoint := strings.Cut(strings.TrimPrefix(a.Value, "-"), ".")
	if whole == "" || len(fraction) != c.Exponent() || hasPoint != (c.Exponent() > 0) || strings.Trim(whole+fraction, "0123456789") != "" {
		return money.Money{}, fmt.Errorf("an amount of %q %q", a.Value, c)
	}
	minor, err := strconv.ParseInt(whole+fraction, 10, 64)
	if _, unknown := money.ParseCurrency(string(c)); err != nil || unknown != nil || minor > money.Max {
		return money.Money{}, fmt.Errorf("an amount of %q %q", a.Value, c)
	}
	if strings.HasPrefix(a.Value, "-") {
		minor = -minor
	}
	return money.Money{Amount: minor, Currency: c}, nil
}
