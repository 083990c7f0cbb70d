package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
)

// FindUser finds who registered an address, for other services. Errors: domain.ErrUserUnknown.
func (a *App) FindUser(ctx context.Context, rawEmail string) (domain.User, error) {
	email, err := a.parseEmail(rawEmail)
	if err != nil {
		return domain.User{}, domain.ErrUserUnknown
	}
	user, err := a.Users.ByEmail(ctx, email)
	if err != nil {
		return domain.User{}, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}
