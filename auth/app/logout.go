package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/ports"
)

// Extent is how much a logout ends.
type Extent bool

// The extents.
const (
	ThisSession Extent = false
	Everywhere  Extent = true
)

// Logout ends the bearer's session, or all sessions of the person. When it returns, no refresh
// token of it works, and the access tokens are in the revocation feed.
func (a *App) Logout(ctx context.Context, who ports.Bearer, extent Extent) error {
	end := a.Identities.SignOut
	if extent == Everywhere {
		end = a.Identities.GlobalSignOut
	}
	if err := end(ctx, who); err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}
