package domain

import "strings"

// An Email is an address in the one canonical form MicroPay knows people by.
type Email struct{ canonical string }

// ParseEmail accepts an address.
func ParseEmail(raw string) (Email, error) { return Email{strings.ToLower(raw)}, nil }

// String is the canonical form.
func (e Email) String() string { return e.canonical }
