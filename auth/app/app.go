// Package app holds what people and services can do at auth, one file per use case.
//
// Table of contents: Register, Login, Refresh, Logout, Me, ChangeProfile, DeleteMe, ChangePassword,
// ForgotPassword, ResetPassword, VerifyEmail; for other services FindUser and RevocationsAfter; for events
// UserVerified, TransferPosted, PaymentSettled, whose letters SendLetters writes.
package app

import (
	"errors"
	"strings"
	"time"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Deps are what the use cases work with.
type Deps struct {
	Identities  ports.IdentityProvider
	Users       ports.Users
	Wallets     ports.Wallets
	Revocations ports.Revocations
	Text        ports.Text
	LetterBox   ports.LetterBox
	Letters     ports.Letters
	Mailer      ports.Mailer
	Now         func() time.Time
	Passwords   domain.PasswordPolicy
	// VerifiedOnly refuses to log anybody in whose address is not proven.
	VerifiedOnly bool
}

// App is the use cases of auth.
type App struct{ Deps }

// New makes the use cases of their dependencies.
func New(d Deps) *App { return &App{d} }

// parseEmail canonicalises an address: its domain may be Unicode, see domain.Email.
func (a *App) parseEmail(raw string) (domain.Email, error) {
	if at := strings.LastIndexByte(raw, '@'); at >= 0 && len(raw) <= 4*domain.MaxEmailBytes {
		if host, err := a.Text.HostName(raw[at+1:]); err == nil {
			raw = raw[:at+1] + host
		}
	}
	return domain.ParseEmail(raw)
}

// faults joins what is wrong with several fields into one Invalid, or nil.
func faults(errs ...error) error {
	var all domain.Invalid
	for _, err := range errs {
		var invalid domain.Invalid
		if errors.As(err, &invalid) {
			all.Fields = append(all.Fields, invalid.Fields...)
		}
	}
	return domain.Reject(all.Fields...)
}
