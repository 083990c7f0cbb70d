// Package ports lists what the use cases of auth need from outside, interfaces only; each
// method says which refusals of package domain it gives. Package mocks is generated from it.
package ports

import (
	"context"
	"time"

	"github.com/micropay/micropay/auth/domain"
)

//go:generate env GOWORK=off go tool -modfile=../../tools/go.mod mockgen -source=identity.go -destination=mocks/identity.go -package=mocks
//go:generate env GOWORK=off go tool -modfile=../../tools/go.mod mockgen -source=outside.go -destination=mocks/outside.go -package=mocks

// IdentityProvider keeps credentials and sessions and issues tokens: the local one (PostgreSQL)
// or a managed one such as Amazon Cognito. Passwords arrive as NFKC text and already judged by
// domain.PasswordPolicy where they are new.
//
// Whatever ends a session also records it in the revocation feed before it returns, so that an
// answered sign-out holds everywhere and after a restart.
type IdentityProvider interface {
	// SignUp makes an identity and has a confirmation code mailed. ErrEmailTaken.
	SignUp(ctx context.Context, in SignUp) (Identity, error)
	// Confirm proves the address by the mailed code. ErrInvalidCode.
	Confirm(ctx context.Context, email domain.Email, code string) (Identity, error)
	// Authenticate starts a session. ErrInvalidCredentials, in the same time whether or not the
	// address is known; domain.Throttled while guesses are slowed, without looking at the password.
	Authenticate(ctx context.Context, in Credentials) (Authenticated, error)
	// Refresh exchanges a refresh token for the next one. ErrInvalidRefreshToken; a token that was
	// used before ends its session.
	Refresh(ctx context.Context, refreshToken string) (Tokens, error)
	// SignOut ends one session; ended already is no error.
	SignOut(ctx context.Context, who Bearer) error
	// GlobalSignOut ends every session of the person.
	GlobalSignOut(ctx context.Context, who Bearer) error
	// ChangePassword replaces the password and ends all other sessions of the person.
	// ErrInvalidCredentials when current is wrong; domain.Throttled as in Authenticate.
	ChangePassword(ctx context.Context, who Bearer, current, next string) error
	// ForgotPassword has a reset code mailed if the address is known; it takes the same time and
	// gives the same answer if not.
	ForgotPassword(ctx context.Context, email domain.Email) error
	// ResetPassword sets a password by the mailed code, which also proves the address, and ends
	// every session. ErrInvalidCode.
	ResetPassword(ctx context.Context, email domain.Email, code, next string) (Identity, error)
	// Delete forgets the identity and ends every session; unknown is no error.
	Delete(ctx context.Context, subject string) error
}

// SignUp is what a new identity is made of. Name and locale are kept with it so that a user can
// be restored from an identity whose registration was cut short.
type SignUp struct {
	Email    domain.Email
	Password string
	Name     domain.Name
	Locale   domain.Locale
}

// Credentials are an attempt to sign in. Address is the network address it came from.
type Credentials struct {
	Email    domain.Email
	Password string
	Address  string
}

// Identity is what the provider knows of a person. Subject is the user's id.
type Identity struct {
	Subject       string
	Email         domain.Email
	Name          domain.Name
	Locale        domain.Locale // "" if the provider does not know it
	EmailVerified bool
	CreatedAt     time.Time
}

// Tokens are a session's answer to its client.
type Tokens struct {
	Access    string
	Refresh   string
	ExpiresIn time.Duration // of the access token
}

// Authenticated is a started session.
type Authenticated struct {
	Identity Identity
	Tokens   Tokens
}

// Bearer is who holds a verified access token. AccessToken is the token itself: some providers
// want to see it.
type Bearer struct {
	Subject     string
	SessionID   string
	AccessToken string
}
