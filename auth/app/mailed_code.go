package app

import (
	"context"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// redeem uses a mailed code, by the provider's call that takes it: whoever has the code reads the
// mail of the address, so that is proven. An address nobody can have has no code either.
func (a *App) redeem(ctx context.Context, rawEmail string, use func(domain.Email) (ports.Identity, error)) error {
	email, err := a.parseEmail(rawEmail)
	if err != nil {
		return domain.ErrInvalidCode
	}
	identity, err := use(email)
	if err != nil {
		return err
	}
	return a.Users.MarkVerified(ctx, identity.Subject)
}
