package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// PasswordReset is a mailed code and the password wanted.
type PasswordReset struct{ Email, Code, New string }

// ResetPassword sets a password by a mailed code. That proves the address, and ends every
// session of the person.
//
// Errors: domain.Invalid, domain.ErrInvalidCode.
func (a *App) ResetPassword(ctx context.Context, r PasswordReset) error {
	next := a.Text.NFKC(r.New)
	if err := a.Passwords.Check("new_password", next, r.Email); err != nil {
		return err
	}
	err := a.redeem(ctx, r.Email, func(email domain.Email) (ports.Identity, error) {
		return a.Identities.ResetPassword(ctx, email, r.Code, next)
	})
	if err != nil {
		return fmt.Errorf("reset password: %w", err)
	}
	return nil
}
