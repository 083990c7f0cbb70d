package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Credentials are an attempt to sign in, as written, and the network address it came from.
type Credentials struct{ Email, Password, Address string }

// Login starts a session.
//
// Errors: domain.ErrInvalidCredentials, domain.Throttled; domain.ErrEmailNotVerified where that is asked for.
func (a *App) Login(ctx context.Context, c Credentials) (ports.Tokens, error) {
	email, err := a.parseEmail(c.Email)
	if err != nil {
		return ports.Tokens{}, domain.ErrInvalidCredentials // nobody can have registered it
	}
	done, err := a.Identities.Authenticate(ctx, ports.Credentials{Email: email, Password: a.Text.NFKC(c.Password), Address: c.Address})
	if err != nil {
		return ports.Tokens{}, fmt.Errorf("log in: %w", err)
	}
	if a.VerifiedOnly && !done.Identity.EmailVerified {
		return ports.Tokens{}, domain.ErrEmailNotVerified // told only to who knows the password
	}
	if err := a.catchUp(ctx, done.Identity); err != nil {
		return ports.Tokens{}, fmt.Errorf("log in: %w", err)
	}
	return done.Tokens, nil
}

// catchUp brings the user in line with an identity that has just been proven: identity and user
// are two stores, and a crash may have come between them.
func (a *App) catchUp(ctx context.Context, identity ports.Identity) error {
	user, err := a.Users.ByID(ctx, identity.Subject)
	if errors.Is(err, domain.ErrUserUnknown) {
		user, err = a.Users.Ensure(ctx, userOf(identity)) // a registration was cut short
	}
	switch {
	case errors.Is(err, domain.ErrUserUnknown): // a deletion was cut short
		if err := a.Identities.Delete(ctx, identity.Subject); err != nil {
			return err
		}
		return domain.ErrInvalidCredentials
	case err != nil:
		return err
	case identity.EmailVerified && !user.EmailVerified:
		return a.Users.MarkVerified(ctx, user.ID)
	}
	return nil
}
