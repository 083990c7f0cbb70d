// Package localidp is an identity provider of MicroPay's own on PostgreSQL: what Amazon Cognito
// does in production, for everywhere else. Its tokens carry Cognito's claims.
//
// Nothing it stores can be used by who reads it: passwords are argon2id, refresh tokens and
// mailed codes are digests. Whatever slows guessing or ends a session is in the database, so it
// holds on every replica and after a restart.
//
// Start at Provider; keys.go holds the signing keys, mail.go the worker that writes mail.
package localidp

import (
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Options are the limits and times of the provider. All fields are required unless said otherwise.
type Options struct {
	Issuer     string // "iss" of tokens
	ClientID   string // "client_id" of tokens
	AccessTTL  time.Duration
	RefreshTTL time.Duration // of a session: rotation does not lengthen it
	Leeway     time.Duration // how much longer than AccessTTL verifiers may accept a token

	Refresh  domain.RefreshPolicy // zero: a refresh token is good exactly once
	Accounts domain.Throttle      // guesses at one account
	Networks domain.Throttle      // failed guesses from one network address

	Argon2       argon2id.Params
	HashesAtMost int // passwords hashed at the same time; bounds memory and CPU

	VerifyTTL time.Duration // of a code that proves an address
	ResetTTL  time.Duration // of a code that resets a password
	MailsHour int           // mails of one purpose to one account in an hour
	MailEvery time.Duration // how often mail left by another process is looked for

	KeyMaxAge  time.Duration   // a signing key is rotated at this age; 0: never
	KeyLead    time.Duration   // a new key is published this long before it signs
	SigningKey *rsa.PrivateKey // optional: signs instead of the keys in the database
}

// Provider implements ports.IdentityProvider.
type Provider struct {
	db      *sqlx.DB
	mailer  ports.Mailer
	letters ports.Letters
	log     *slog.Logger
	now     func() time.Time
	opts    Options
	keys    *Keyring
	hashes  hasher
	mail    chan struct{} // wakes the mail worker
}

// New makes a provider; it does not touch the database yet.
func New(db *sqlx.DB, mailer ports.Mailer, letters ports.Letters, log *slog.Logger, now func() time.Time, o Options) *Provider {
	p := &Provider{
		db: db, mailer: mailer, letters: letters, log: log, opts: o, hashes: newHasher(o.Argon2, o.HashesAtMost), mail: make(chan struct{}, 1),
		now: func() time.Time { return now().UTC().Truncate(time.Microsecond) }, // what PostgreSQL keeps
	}
	p.keys = newKeyring(db, p.now, o)
	return p
}

// Keys are the keys its tokens are verified with.
func (p *Provider) Keys() *Keyring { return p.keys }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func random[T [12]byte | [32]byte]() (out T) {
	switch b := any(&out).(type) { // crypto/rand.Read never fails
	case *[12]byte:
		_, _ = rand.Read(b[:])
	case *[32]byte:
		_, _ = rand.Read(b[:])
	}
	return out
}
