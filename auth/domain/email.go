package domain

import "strings"

// An Email is an address in the one canonical form MicroPay knows people by.
type Email struct{ canonical string }

// ParseEmail accepts an address.
func ParseEmail(raw string) (Email, error) {
	for i := range len(raw) {
		if raw[i] >= 0x80 {
			return Email{}, malformedEmail()
		}
	}
	return Email{strings.ToLower(raw)}, nil
}

func malformedEmail() error {
	return Reject(FieldError{"email", "malformed", "must be an address like name@example.com"})
}

// String is the canonical form.
func (e Email) String() string { return e.canonical }
