package domain

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/micropay/micropay/shared/money"
)

// FeeRule is what payments of a kind and currency cost through a provider.
type FeeRule struct {
	Kind        PaymentKind
	Currency    money.Currency
	Fixed       int64 // minor units, 0..money.Max
	BasisPoints int64 // hundredths of a percent of the amount, 0..10000
}

// Fees are the rules of one provider, at most one for each kind and currency.
type Fees []FeeRule

// On is the fee of a payment of that kind and amount, 0 where no rule is: the fixed part plus the
// basis points, of which half a minor unit is rounded to the even one.
func (f Fees) On(kind PaymentKind, amount money.Money) money.Money {
	fee := money.Money{Currency: amount.Currency}
	for _, r := range f {
		if r.Kind == kind && r.Currency == amount.Currency {
			fee.Amount = r.Fixed + partOf(amount.Amount, r.BasisPoints)
		}
	}
	return fee
}

const wholeInBasisPoints = 10_000

// partOf is amount * basisPoints / 10000, half to even. The amount is taken apart first, since
// the product may exceed an int64.
func partOf(amount, basisPoints int64) int64 {
	part := amount / wholeInBasisPoints * basisPoints
	rest := amount % wholeInBasisPoints * basisPoints
	part += rest / wholeInBasisPoints
	rest %= wholeInBasisPoints
	if rest*2 > wholeInBasisPoints || rest*2 == wholeInBasisPoints && part%2 == 1 {
		part++
	}
	return part
}

// ParseFees reads rules of the form provider:kind:currency:fixed:basispoints, where fixed is in
// minor units and kind is topup or withdrawal, e.g. "stripe:topup:USD:30:290" for 2.9 % and 30
// cents. The error names the rule that is none.
func ParseFees(rules []string) (map[string]Fees, error) {
	all := map[string]Fees{}
	for _, text := range rules {
		provider, rule, err := parseFee(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		for _, other := range all[provider] {
			if other.Kind == rule.Kind && other.Currency == rule.Currency {
				return nil, fmt.Errorf("%q: the fee is given twice", text)
			}
		}
		all[provider] = append(all[provider], rule)
	}
	return all, nil
}

func parseFee(text string) (string, FeeRule, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 5 || parts[0] == "" {
		return "", FeeRule{}, errors.New("want provider:kind:currency:fixed:basispoints")
	}
	kind := PaymentKind(parts[1])
	if kind != PaymentTopUp && kind != PaymentWithdrawal {
		return "", FeeRule{}, errors.New("the kind must be topup or withdrawal")
	}
	currency, err := money.ParseCurrency(parts[2])
	if err != nil {
		return "", FeeRule{}, fmt.Errorf("the currency %w", err)
	}
	fixed, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil || fixed < 0 || fixed > money.Max {
		return "", FeeRule{}, errors.New("the fixed part must be minor units, at least 0")
	}
	points, err := strconv.ParseInt(parts[4], 10, 64)
	if err != nil || points < 0 || points > wholeInBasisPoints {
		return "", FeeRule{}, errors.New("the basis points must be between 0 and 10000")
	}
	return parts[0], FeeRule{Kind: kind, Currency: currency, Fixed: fixed, BasisPoints: points}, nil
}
