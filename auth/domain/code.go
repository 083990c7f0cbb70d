package domain

import "time"

// MaxCodeAttempts is how often one mailed code may be tried before it dies.
const MaxCodeAttempts = 10

// A MailedCode is what is kept of a code that was mailed to prove an address.
type MailedCode struct {
	ExpiresAt time.Time
	UsedAt    time.Time // zero while unused
	Attempts  int       // failed tries so far
}

// Judge an attempt at now; matches says whether the digests agree.
func (c MailedCode) Judge(matches bool, now time.Time) error {
	if !matches || !now.Before(c.ExpiresAt) || !c.UsedAt.IsZero() || c.Attempts >= MaxCodeAttempts {
		return ErrInvalidCode
	}
	return nil
}
