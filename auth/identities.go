package auth

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/adapters/letters"
	"github.com/micropay/micropay/auth/adapters/localidp"
	"github.com/micropay/micropay/auth/adapters/postgres"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/token"
)

// identities is the identity provider that was chosen, and what comes with it.
type identities struct {
	ports.IdentityProvider
	keys     token.Keys
	clientID string                                    // "client_id" of its tokens
	jwks     func(ctx context.Context) ([]byte, error) // its public keys, for others
	run      func(ctx context.Context)                 // what it does in the background
	rotate   func(ctx context.Context) error           // its signing key
}

// chooseIdentities builds the one provider that is configured, and says which.
func chooseIdentities(ctx context.Context, cfg Config, deps Deps, db *sqlx.DB, mailer ports.Mailer) (identities, error) {
	if cfg.UsesCognito() {
		return cognitoIdentities(ctx, cfg, deps, postgres.NewRevocations(db))
	}
	options, err := cfg.provider()
	if err != nil {
		return identities{}, err
	}
	provider := localidp.New(db, mailer, letters.New(), deps.Log, deps.Now, options)
	deps.Log.InfoContext(ctx, "identity provider chosen", "provider", "local", "why", "no COGNITO_USER_POOL_ID")
	return identities{
		IdentityProvider: provider, keys: keys{provider.Keys()}, clientID: cfg.ClientID,
		jwks: provider.Keys().JWKS, run: provider.Run, rotate: provider.Keys().Rotate,
	}, nil
}
