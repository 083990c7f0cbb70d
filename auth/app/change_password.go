package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/ports"
)

// PasswordChange is the bearer's current password and the one they want.
type PasswordChange struct{ Current, New string }

// ChangePassword replaces the bearer's password; all their other sessions end.
//
// Errors: domain.Invalid, domain.ErrInvalidCredentials, domain.Throttled.
func (a *App) ChangePassword(ctx context.Context, who ports.Bearer, c PasswordChange) error {
	user, err := a.Users.ByID(ctx, who.Subject)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	next := a.Text.NFKC(c.New)
	if err := a.Passwords.Check("new_password", next, user.Email.String(), user.Name.String()); err != nil {
		return err
	}
	if err := a.Identities.ChangePassword(ctx, who, a.Text.NFKC(c.Current), next); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}
