package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// MaxBytes is the longest token that is looked at.
	MaxBytes = 8 << 10
	// DefaultLeeway is how far clocks may differ, unless configured.
	DefaultLeeway = 30 * time.Second
	// MaxLeeway is the most that can be configured.
	MaxLeeway = 60 * time.Second
	// RememberFor is how long a verified token is believed without looking at its signature
	// again, and so the time within which a withdrawn key counts no more.
	RememberFor = time.Minute
)

var (
	// ErrInvalid is a token that lets nobody in. The reason is wrapped for the log only.
	ErrInvalid = errors.New("invalid token")
	// ErrUnavailable means that it could not be found out whether the token is good.
	ErrUnavailable = errors.New("token cannot be checked")
)

// Keys finds the issuer's public key of a name. ErrInvalid when there is none, any other error
// when it cannot be known.
type Keys interface {
	Key(ctx context.Context, kid string) (crypto.PublicKey, error)
}

// Revocations knows the tokens that were taken back. It is asked on every call; an error means
// that it cannot tell.
type Revocations interface {
	Revoked(ctx context.Context, c Claims) (bool, error)
}

// NoRevocations is for a service whose issuer takes no token back.
var NoRevocations Revocations = noRevocations{}

type noRevocations struct{}

func (noRevocations) Revoked(context.Context, Claims) (bool, error) { return false, nil }

// Config says which tokens are ours.
type Config struct {
	Issuer    string           // exact
	ClientIDs []string         // allowed
	Leeway    time.Duration    // default DefaultLeeway, at most MaxLeeway
	Now       func() time.Time // default time.Now
	Log       *slog.Logger     // hears why a token was refused; default none
	CacheSize int              // verified tokens that are remembered; default 4096, negative for none
}

func (c *Config) complete() error {
	switch {
	case c.Issuer == "":
		return errors.New("token: the issuer is not configured")
	case len(c.ClientIDs) == 0 || slices.Contains(c.ClientIDs, ""):
		return errors.New("token: the allowed clients are not configured")
	case c.Leeway < 0 || c.Leeway > MaxLeeway:
		return fmt.Errorf("token: the leeway must be from 0 to %s", MaxLeeway)
	}
	if c.Leeway == 0 {
		c.Leeway = DefaultLeeway
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.CacheSize == 0 {
		c.CacheSize = 4096
	}
	return nil
}

// Verifier checks access tokens. It is safe for concurrent use.
type Verifier struct {
	cfg         Config
	keys        Keys
	revocations Revocations
	parser      *jwt.Parser
	remembered  *memory
}

// NewVerifier is a verifier of the tokens that cfg describes. A setting that would let in others
// is an error.
func NewVerifier(cfg Config, keys Keys, revocations Revocations) (*Verifier, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if keys == nil || revocations == nil {
		return nil, errors.New("token: keys and revocations are required")
	}
	return &Verifier{
		cfg: cfg, keys: keys, revocations: revocations,
		remembered: newMemory(cfg.CacheSize),
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
			jwt.WithStrictDecoding(),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithIssuer(cfg.Issuer),
			jwt.WithLeeway(cfg.Leeway),
			jwt.WithTimeFunc(cfg.Now),
		),
	}, nil
}

// Verify answers what a good token says; ErrInvalid or ErrUnavailable otherwise.
func (v *Verifier) Verify(ctx context.Context, raw string) (Claims, error) {
	if raw == "" || len(raw) > MaxBytes {
		return Claims{}, invalid("%d bytes long", len(raw))
	}
	now := v.cfg.Now()
	claims, ok := v.remembered.get(raw, now)
	if !ok {
		var err error
		if claims, err = v.check(ctx, raw); err != nil {
			return Claims{}, err
		}
		v.remembered.put(raw, claims, earlier(now.Add(RememberFor), claims.ExpiresAt.Add(v.cfg.Leeway)))
	}
	revoked, err := v.revocations.Revoked(ctx, claims)
	switch {
	case err != nil:
		return Claims{}, fmt.Errorf("%w: revocations: %w", ErrUnavailable, err)
	case revoked:
		return Claims{}, invalid("revoked")
	}
	return claims, nil
}

// check reads the token and its signature.
func (v *Verifier) check(ctx context.Context, raw string) (Claims, error) {
	var p payload
	_, err := v.parser.ParseWithClaims(raw, &p, func(t *jwt.Token) (any, error) { return v.keyOf(ctx, t) })
	switch {
	case errors.Is(err, ErrUnavailable):
		return Claims{}, err
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := p.check(v.cfg.ClientIDs); err != nil {
		return Claims{}, err
	}
	return p.claims(), nil
}

// keyOf finds the key that the header names. What else the header may say (jku, x5u, jwk, x5c) is
// not looked at; what it says must be understood (crit) is refused, since we understand nothing.
func (v *Verifier) keyOf(ctx context.Context, t *jwt.Token) (any, error) {
	if _, has := t.Header["crit"]; has {
		return nil, invalid("critical header")
	}
	if typ, has := t.Header["typ"]; has && typ != "JWT" && typ != "at+jwt" && typ != "application/at+jwt" {
		return nil, invalid("typ")
	}
	kid, ok := t.Header["kid"].(string)
	if !ok || kid == "" || len(kid) > 256 {
		return nil, invalid("kid")
	}
	key, err := v.keys.Key(ctx, kid)
	if err != nil && !errors.Is(err, ErrInvalid) {
		return nil, fmt.Errorf("%w: keys: %w", ErrUnavailable, err)
	}
	return key, err
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
