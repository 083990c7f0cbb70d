package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// VerifyEmail proves an address by the code mailed to it. Errors: domain.ErrInvalidCode.
func (a *App) VerifyEmail(ctx context.Context, rawEmail, code string) error {
	err := a.redeem(ctx, rawEmail, func(email domain.Email) (ports.Identity, error) {
		return a.Identities.Confirm(ctx, email, code)
	})
	if err != nil {
		return fmt.Errorf("verify e-mail: %w", err)
	}
	return nil
}
