package domain

import "strings"

// An Email is an address in the one canonical form MicroPay knows people by:
//
//   - the part before the "@" is an ASCII dot-atom (RFC 5322), lower-cased: what SES and nearly
//     every mail server can deliver to. Anything else is refused rather than mapped, so no
//     look-alike ever folds into somebody else's address;
//   - the domain is a host name of two or more labels in its ASCII form, lower-cased. A Unicode
//     domain is accepted by the callers of this package after UTS 46 conversion to its "xn--"
//     form, so "bücher.example" and "BÜCHER.example" are one domain, and one with a Cyrillic
//     letter is another domain, not a spelling of yours;
//   - nothing is trimmed, and dots and "+tags" are kept: they are the mail server's business.
type Email struct{ canonical string }

// MaxEmailBytes bounds a whole address (RFC 5321, 4.5.3.1.3).
const MaxEmailBytes = 254

const (
	maxLocalBytes = 64 // RFC 5321, 4.5.3.1.1
	maxLabelBytes = 63 // RFC 1035, 2.3.4
	atextSymbols  = "!#$%&'*+-/=?^_`{|}~"
)

// ParseEmail gives the canonical form of raw, or Invalid for the field "email".
func ParseEmail(raw string) (Email, error) {
	local, host, found := strings.Cut(raw, "@")
	if !found || len(raw) > MaxEmailBytes || !isDotAtom(local) || !isHostName(host) {
		return Email{}, Reject(FieldError{"email", "malformed", "must be an address like name@example.com"})
	}
	return Email{strings.ToLower(raw)}, nil
}

// String is the canonical form.
func (e Email) String() string { return e.canonical }

// IsZero says that there is no address.
func (e Email) IsZero() bool { return e.canonical == "" }

// LocalPart is what stands before the "@".
func (e Email) LocalPart() string {
	local, _, _ := strings.Cut(e.canonical, "@")
	return local
}

func isDotAtom(s string) bool {
	if len(s) > maxLocalBytes {
		return false
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool {
			return !isAlphanumeric(r) && !strings.ContainsRune(atextSymbols, r)
		}) {
			return false
		}
	}
	return true
}

func isHostName(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxLabelBytes || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return !isAlphanumeric(r) && r != '-' }) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' })
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
