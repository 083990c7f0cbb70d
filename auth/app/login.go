package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Credentials are an attempt to sign in, as written, and the network address it came from.
type Credentials struct{ Email, Password, Address string }

// Login starts a session.
//
// Errors: domain.ErrInvalidCredentials, domain.Throttled.
func (a *App) Login(ctx context.Context, c Credentials) (ports.Tokens, error) {
	email, err := a.parseEmail(c.Email)
	if err != nil {
		return ports.Tokens{}, domain.ErrInvalidCredentials // nobody can have registered it
	}
	done, err := a.Identities.Authenticate(ctx, ports.Credentials{Email: email, Password: a.Text.NFKC(c.Password), Address: c.Address})
	if err != nil {
		return ports.Tokens{}, fmt.Errorf("log in: %w", err)
	}
	if _, err := a.Users.ByID(ctx, done.Identity.Subject); err != nil {
		return ports.Tokens{}, fmt.Errorf("log in: %w", err)
	}
	return done.Tokens, nil
}
