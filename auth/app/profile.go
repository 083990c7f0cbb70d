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

// Rename changes the bearer's name. domain.Invalid, domain.ErrUserUnknown.
func (a *App) Rename(ctx context.Context, who ports.Bearer, rawName string) (domain.User, error) {
	name, err := domain.ParseName(rawName)
	if err != nil {
		return domain.User{}, err
	}
	user, err := a.Users.Rename(ctx, who.Subject, name)
	if err != nil {
		return domain.User{}, fmt.Errorf("rename: %w", err)
	}
	return user, nil
}
