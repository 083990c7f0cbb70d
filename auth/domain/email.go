package domain

// An Email is an address in the one canonical form MicroPay knows people by.
type Email struct{ canonical string }

// ParseEmail accepts an address.
func ParseEmail(raw string) (Email, error) { return Email{raw}, nil }

// String is the canonical form.
func (e Email) String() string { return e.canonical }
