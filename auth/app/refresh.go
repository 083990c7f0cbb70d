package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/ports"
)

// Refresh exchanges a refresh token for the next one and a new access token.
//
// Errors: domain.ErrInvalidRefreshToken; a token that was used before ends its session.
func (a *App) Refresh(ctx context.Context, refreshToken string) (ports.Tokens, error) {
	tokens, err := a.Identities.Refresh(ctx, refreshToken)
	if err != nil {
		return ports.Tokens{}, fmt.Errorf("refresh: %w", err)
	}
	return tokens, nil
}
