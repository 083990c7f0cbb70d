package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Me is the bearer's profile. ErrUserUnknown if the account is gone.
func (a *App) Me(ctx context.Context, who ports.Bearer) (domain.User, error) {
	user, err := a.Users.ByID(ctx, who.Subject)
	if err != nil {
		return domain.User{}, fmt.Errorf("profile: %w", err)
	}
	return user, nil
}

// ProfileChange is what somebody changes about themselves, as written; nil leaves it.
type ProfileChange struct{ Name, Locale *string }

// ChangeProfile changes the bearer's name or language. domain.Invalid, domain.ErrUserUnknown.
func (a *App) ChangeProfile(ctx context.Context, who ports.Bearer, c ProfileChange) (domain.User, error) {
	var change ports.ProfileChange
	var nameErr, localeErr error
	if c.Name != nil {
		var name domain.Name
		name, nameErr = domain.ParseName(*c.Name)
		change.Name = &name
	}
	if c.Locale != nil {
		var locale domain.Locale
		locale, localeErr = domain.ParseLocale(*c.Locale)
		change.Locale = &locale
	}
	if err := faults(nameErr, localeErr); err != nil {
		return domain.User{}, err
	}
	user, err := a.Users.Change(ctx, who.Subject, change)
	if err != nil {
		return domain.User{}, fmt.Errorf("change profile: %w", err)
	}
	return user, nil
}
