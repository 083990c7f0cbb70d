// Package domain holds the rules of identity: what an e-mail address, a password and a name
// may be, how fast somebody may guess, what a refresh token and a mailed code are good for.
//
// It knows no SQL, no HTTP, no clock and no hashing: times, ids and digests come in as
// arguments. Only the standard library is imported; text that needs Unicode tables
// (NFKC, internationalised domain names) arrives here already normalised by ports.Text.
//
// Start at User (user.go); what may be refused is listed in this file.
package domain

import (
	"strings"
	"time"
)

// A Refusal is a definite no. Its value is the stable code that clients see.
type Refusal string

// The refusals of this service; Refusals lists them all.
const (
	ErrEmailTaken          Refusal = "email_taken"           // somebody has registered this address
	ErrInvalidCredentials  Refusal = "invalid_credentials"   // unknown address or wrong password: never says which
	ErrEmailNotVerified    Refusal = "email_not_verified"    // the password is right, but the address must be proven first
	ErrInvalidRefreshToken Refusal = "invalid_refresh_token" // unknown, expired, used or revoked: never says which
	ErrInvalidCode         Refusal = "invalid_code"          // a mailed code that is wrong, expired, used or tried too often
	ErrUserUnknown         Refusal = "user_unknown"          // nobody has this id or address
	ErrWalletsNotClosed    Refusal = "wallets_not_closed"    // an account is deleted only when its wallets are
	ErrInvalidCursor       Refusal = "invalid_cursor"        // a cursor this service never gave out
)

// Refusals lists every Refusal, for tables that must know them all.
func Refusals() []Refusal {
	return []Refusal{
		ErrEmailTaken, ErrInvalidCredentials, ErrEmailNotVerified, ErrInvalidRefreshToken, ErrInvalidCode,
		ErrUserUnknown, ErrWalletsNotClosed, ErrInvalidCursor,
	}
}

// Error is the code itself.
func (r Refusal) Error() string { return string(r) }

// A FieldError names one input that cannot be accepted, and why: Code is stable, Detail is for people.
type FieldError struct{ Field, Code, Detail string }

// Invalid refuses an input as a whole and names every bad field of it. It never repeats a value.
type Invalid struct{ Fields []FieldError }

// Error lists the fields and codes, never the values.
func (e Invalid) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + ": " + f.Code
	}
	return "invalid input: " + strings.Join(parts, ", ")
}

// Throttled refuses to judge an attempt at all until RetryAfter has passed.
type Throttled struct{ RetryAfter time.Duration }

// Error says how long to wait.
func (e Throttled) Error() string { return "too many attempts, retry after " + e.RetryAfter.String() }

// Reject is the error of the collected faults, or nil if there is none.
func Reject(faults ...FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	return Invalid{Fields: faults}
}
