package money

import "strings"

// Currency is an ISO 4217 code, e.g. "USD".
type Currency string

// places lists the active national currencies of ISO 4217 by the number of their decimal
// places. Funds codes, metals and codes for testing are no money here, except CLF and UYW,
// which contracts are settled in.
// Source: ISO 4217 list one, maintained by SIX (amendment 177).
var places = func() map[Currency]int {
	byPlaces := map[int]string{
		0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
		2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD " +
			"CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD " +
			"HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL " +
			"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN " +
			"QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS " +
			"UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
		3: "BHD IQD JOD KWD LYD OMR TND",
		4: "CLF UYW",
	}
	table := map[Currency]int{}
	for n, codes := range byPlaces {
		for _, code := range strings.Fields(codes) {
			table[Currency(code)] = n
		}
	}
	return table
}()

// ParseCurrency takes three capital letters of a currency in use. Errors: ErrUnknownCurrency.
func ParseCurrency(s string) (Currency, error) {
	if _, known := places[Currency(s)]; !known {
		return "", ErrUnknownCurrency
	}
	return Currency(s), nil
}

// Exponent is the number of decimal places: JPY 0, USD 2, KWD 3.
func (c Currency) Exponent() int { return places[c] }
