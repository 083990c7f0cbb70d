package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
)

// VerifyEmail proves an address by the code mailed to it. Errors: domain.ErrInvalidCode.
func (a *App) VerifyEmail(ctx context.Context, rawEmail, code string) error {
	email, err := a.parseEmail(rawEmail)
	if err != nil {
		return domain.ErrInvalidCode
	}
	identity, err := a.Identities.Confirm(ctx, email, code)
	if err != nil {
		return fmt.Errorf("verify e-mail: %w", err)
	}
	if err := a.Users.MarkVerified(ctx, identity.Subject); err != nil {
		return fmt.Errorf("verify e-mail: %w", err)
	}
	return nil
}
