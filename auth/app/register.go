package app

import (
	"context"
	"fmt"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Registration is somebody who wants an account, as they wrote it.
type Registration struct{ Email, Password, Name, Locale string }

// Register makes an account and has the address confirmed by mail.
//
// The identity comes first. If the user cannot be stored after it, logging in does so later
// (see Login), so a registration cut short never locks an address away.
//
// Errors: domain.Invalid naming every bad field, domain.ErrEmailTaken.
func (a *App) Register(ctx context.Context, r Registration) (domain.User, error) {
	email, emailErr := a.parseEmail(r.Email)
	name, nameErr := domain.ParseName(r.Name)
	password := a.Text.NFKC(r.Password)
	passwordErr := a.Passwords.Check("password", password, email.String(), name.String())
	locale, localeErr := parseLocale(r.Locale)
	if err := faults(emailErr, passwordErr, nameErr, localeErr); err != nil {
		return domain.User{}, err
	}
	identity, err := a.Identities.SignUp(ctx, ports.SignUp{Email: email, Password: password, Name: name, Locale: locale})
	if err != nil {
		return domain.User{}, fmt.Errorf("register: %w", err)
	}
	user, err := a.Users.Ensure(ctx, userOf(identity))
	if err != nil {
		return domain.User{}, fmt.Errorf("register: store the user: %w", err)
	}
	return user, nil
}

func userOf(i ports.Identity) domain.User {
	if i.Locale == "" {
		i.Locale = domain.English
	}
	return domain.User{
		ID: i.Subject, Email: i.Email, Name: i.Name, Locale: i.Locale, EmailVerified: i.EmailVerified, CreatedAt: i.CreatedAt,
	}
}

// parseLocale takes nothing for English.
func parseLocale(raw string) (domain.Locale, error) {
	if raw == "" {
		return domain.English, nil
	}
	return domain.ParseLocale(raw)
}
