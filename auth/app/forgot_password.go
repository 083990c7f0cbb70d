package app

import (
	"context"
	"fmt"
)

// ForgotPassword has a reset code mailed to an address, if somebody registered it. Nothing in
// the answer or its time tells which.
func (a *App) ForgotPassword(ctx context.Context, rawEmail string) error {
	email, err := a.parseEmail(rawEmail)
	if rawEmail == "" {
		return err
	}
	if err != nil {
		return nil //nolint:nilerr // nobody can have registered it, and the answer is the same
	}
	if err := a.Identities.ForgotPassword(ctx, email); err != nil {
		return fmt.Errorf("forgot password: %w", err)
	}
	return nil
}
