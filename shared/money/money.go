// Package money holds amounts as whole minor units of an ISO 4217 currency.
//
// There is no float anywhere: 10.50 US dollars are 1050 cents, 1050 yen are 1050 yen.
package money

import (
	"strconv"
	"strings"
)

// Max is the largest amount and balance, in minor units: 2^53-1, the largest whole number that
// every JSON reader keeps exactly (RFC 8259 section 6).
const Max int64 = 9_007_199_254_740_991

// Error is why something is no money.
type Error string

// Error returns the reason, fit for a client.
func (e Error) Error() string { return string(e) }

// Why something is no money.
const (
	ErrUnknownCurrency  Error = "must be an ISO 4217 code in use, e.g. USD"
	ErrNotPositive      Error = "must be at least 1 minor unit"
	ErrTooLarge         Error = "must be at most 9007199254740991 minor units"
	ErrOverflow         Error = "the result would exceed 9007199254740991 minor units"
	ErrCurrencyMismatch Error = "the currencies differ"
	ErrNotANumber       Error = "must be a whole JSON number of minor units, e.g. 1050"
	ErrFraction         Error = "must be whole minor units, without a fraction"
	ErrExponent         Error = "must be written without an exponent"
)

// Money is an amount of a currency. Balances of payment providers' accounts and entries that
// leave an account are negative.
type Money struct {
	Amount   int64    `json:"amount"` // minor units
	Currency Currency `json:"currency"`
}

// New is an amount that can be moved: 1..Max. Errors: ErrUnknownCurrency, ErrNotPositive, ErrTooLarge.
func New(amount int64, c Currency) (Money, error) {
	if _, err := ParseCurrency(string(c)); err != nil {
		return Money{}, err
	}
	switch {
	case amount < 1:
		return Money{}, ErrNotPositive
	case amount > Max:
		return Money{}, ErrTooLarge
	}
	return Money{amount, c}, nil
}

// Add returns m + o, within -Max..Max. Errors: ErrCurrencyMismatch, ErrOverflow.
func (m Money) Add(o Money) (Money, error) {
	if m.Currency != o.Currency {
		return Money{}, ErrCurrencyMismatch
	}
	sum := m.Amount + o.Amount // both within 2^53: the sum fits an int64
	if sum > Max || sum < -Max {
		return Money{}, ErrOverflow
	}
	return Money{sum, m.Currency}, nil
}

// Sub returns m - o. Errors: as Add.
func (m Money) Sub(o Money) (Money, error) {
	o.Amount = -o.Amount
	return m.Add(o)
}

// Decimal writes the amount in major units, with as many places as the currency has.
func (m Money) Decimal() string {
	digits, sign := strconv.FormatInt(m.Amount, 10), ""
	if m.Amount < 0 {
		digits, sign = digits[1:], "-"
	}
	places := m.Currency.Exponent()
	if places == 0 {
		return sign + digits
	}
	if missing := places + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - places
	return sign + digits[:point] + "." + digits[point:]
}

// String writes amount and code for people, e.g. "10.50 USD".
func (m Money) String() string { return m.Decimal() + " " + string(m.Currency) }

// ParseAmount reads minor units from a raw JSON value. Signs and zero are left to New; what is
// refused here has no meaning as an amount.
// Errors: ErrNotANumber, ErrFraction, ErrExponent, ErrTooLarge.
func ParseAmount(raw []byte) (int64, error) {
	s := string(raw)
	digits := strings.TrimPrefix(s, "-")
	switch {
	case digits == "" || digits[0] < '0' || digits[0] > '9':
		return 0, ErrNotANumber
	case strings.Trim(digits, "0123456789.eE+-") != "":
		return 0, ErrNotANumber
	case strings.ContainsAny(digits, "eE"):
		return 0, ErrExponent
	case strings.Contains(digits, "."):
		return 0, ErrFraction
	case strings.Trim(digits, "0123456789") != "", len(digits) > 1 && digits[0] == '0', s == "-0":
		return 0, ErrNotANumber
	}
	amount, err := strconv.ParseInt(s, 10, 64)
	if err != nil || amount > Max || amount < -Max {
		return 0, ErrTooLarge
	}
	return amount, nil
}
