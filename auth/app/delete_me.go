package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/ports"
)

// DeleteMe forgets a person whose wallets are all closed.
//
// The order makes it repeatable: until the identity is gone, the bearer's token works and the
// call can be made again; a login in between finishes it (see Login).
//
// Errors: domain.ErrWalletsNotClosed.
func (a *App) DeleteMe(ctx context.Context, who ports.Bearer) error {
	if err := a.Wallets.CloseOwner(ctx, who.Subject); err != nil {
		return fmt.Errorf("delete account: %w", err)
	}
	if err := a.Users.Delete(ctx, who.Subject); err != nil {
		return fmt.Errorf("delete account: forget the user: %w", err)
	}
	if err := a.Identities.Delete(ctx, who.Subject); err != nil {
		return fmt.Errorf("delete account: forget the identity: %w", err)
	}
	return nil
}
