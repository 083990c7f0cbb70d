package domain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a password in characters (Unicode code points), after NIST SP 800-63B-4, 3.1.1.2.
const (
	DefaultMinPasswordLength = 15 // a password is the only factor here
	LeastMinPasswordLength   = 8  // what an operator may lower the minimum to
	MaxPasswordLength        = 128
)

// A PasswordPolicy says which passwords may be chosen. There is no composition rule, no
// expiry, and nothing is cut off: a password is taken whole or refused.
//
// Passwords come in as NFKC text (ports.Text), so that the same password typed on another
// keyboard is the same password; characters are counted in that form.
type PasswordPolicy struct{ MinLength int }

// Check refuses a password that may not be chosen, as Invalid for the given field; personal
// are the address and the name of whoever chooses it.
func (p PasswordPolicy) Check(field, password string, personal ...string) error {
	fault := func(code, detail string) error { return Reject(FieldError{field, code, detail}) }
	switch n := utf8.RuneCountInString(password); {
	case n < p.MinLength:
		return fault("too_short", fmt.Sprintf("must have at least %d characters", p.MinLength))
	case n > MaxPasswordLength:
		return fault("too_long", fmt.Sprintf("must have at most %d characters", MaxPasswordLength))
	case !isPlainText(password):
		return fault("not_text", "must be text without control characters")
	}
	switch folded := strings.ToLower(password); {
	case isPersonal(folded, personal):
		return fault("too_personal", "must not be made of your name, your address or the name of this service")
	case isCommon(folded) || isTrivial(folded):
		return fault("too_common", "is among the most used passwords, or one of them made longer by rote")
	}
	return nil
}

func isPlainText(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return false
		}
	}
	return true
}
