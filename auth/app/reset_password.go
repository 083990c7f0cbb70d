package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
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
	email, err := a.parseEmail(r.Email)
	if err != nil {
		return domain.ErrInvalidCode
	}
	identity, err := a.Identities.ResetPassword(ctx, email, r.Code, next)
	if err != nil {
		return fmt.Errorf("reset password: %w", err)
	}
	if err := a.Users.MarkVerified(ctx, identity.Subject); err != nil {
		return fmt.Errorf("reset password: %w", err)
	}
	return nil
}
