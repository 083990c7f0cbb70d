package token

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"golang.org/x/time/rate"
)

const (
	// MaxJWKSBytes is the longest key set that is read.
	MaxJWKSBytes = 256 << 10

	jwksTimeout = 2 * time.Second
	// unknownEvery is how often, at most, an unknown kid has the keys fetched again. Who sends
	// tokens with made-up names must not make us flood the issuer.
	unknownEvery = 5 * time.Second
	minKeyBits   = 2048
)

// JWKS are the keys that an issuer publishes at one address.
type JWKS struct {
	known  jwkset.Storage // what was fetched
	set    jwkset.Storage // the same, fetching again for an unknown kid
	asking chan struct{}  // holds one: who looks for an unknown kid
	failed *atomic.Bool   // the last fetch
}

// JWKSOption changes what NewJWKS makes.
type JWKSOption func(*jwksConfig)

type jwksConfig struct {
	refresh time.Duration
	log     *slog.Logger
}

// RefreshEvery says how often the keys are fetched again; every 5 minutes by default.
func RefreshEvery(d time.Duration) JWKSOption { return func(c *jwksConfig) { c.refresh = d } }

// LogTo says who hears of failed fetches.
func LogTo(log *slog.Logger) JWKSOption { return func(c *jwksConfig) { c.log = log } }

// NewJWKS fetches the keys and keeps them fresh until ctx ends. An issuer that is not up yet is
// no error: the keys are fetched when the first token asks for one.
func NewJWKS(ctx context.Context, address string, opts ...JWKSOption) (*JWKS, error) {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("token: the address of the keys must be http:// or https://")
	}
	cfg := jwksConfig{refresh: 5 * time.Minute, log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&cfg)
	}
	failed := &atomic.Bool{}
	remote, err := jwkset.NewStorageFromHTTP(address, jwkset.HTTPClientStorageOptions{
		Ctx: ctx, Client: jwksClient(), HTTPTimeout: jwksTimeout,
		Storage:                   freshSet{jwkset.NewMemoryStorage(), failed},
		NoErrorReturnFirstHTTPReq: true,
		RefreshInterval:           cfg.refresh,
		RefreshErrorHandler: func(ctx context.Context, err error) {
			failed.Store(true)
			cfg.log.WarnContext(ctx, "keys of the issuer not fetched", "address", address, "error", err.Error())
		},
	})
	if err != nil {
		return nil, fmt.Errorf("token: keys: %w", err)
	}
	set, err := jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{address: remote},
		RefreshUnknownKID: rate.NewLimiter(rate.Every(unknownEvery), 1),
		RateLimitWaitMax:  jwksTimeout,
	})
	if err != nil {
		return nil, fmt.Errorf("token: keys: %w", err)
	}
	return &JWKS{known: remote, set: set, asking: make(chan struct{}, 1), failed: failed}, nil
}

// Key finds a published RSA key that may verify RS256. ErrInvalid when there is none of that
// name; another error when the issuer could not be asked.
func (k *JWKS) Key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	jwk, err := k.find(ctx, kid)
	if err != nil {
		if k.failed.Load() || ctx.Err() != nil {
			return nil, fmt.Errorf("the issuer's keys are out of reach: %w", err)
		}
		return nil, invalid("unknown kid")
	}
	m := jwk.Marshal()
	key, ok := jwk.Key().(*rsa.PublicKey)
	switch {
	case !ok || key.N.BitLen() < minKeyBits:
		return nil, invalid("not an RSA key of %d bits", minKeyBits)
	case m.USE != "" && m.USE != jwkset.UseSig, m.ALG != "" && m.ALG != jwkset.AlgRS256:
		return nil, invalid("a key for something else")
	}
	return key, nil
}

// Published is the set as it was last fetched, for who asks us instead of the issuer; if none has
// been yet, it is fetched now. An error when there is none to be had.
func (k *JWKS) Published(ctx context.Context) ([]byte, error) {
	keys, err := k.known.KeyReadAll(ctx)
	if err == nil && len(keys) == 0 {
		_, _ = k.find(ctx, "") // nobody's name: it has the set fetched, at the rate that is allowed
		keys, err = k.known.KeyReadAll(ctx)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the issuer's keys: %w", err)
	case len(keys) == 0:
		return nil, errors.New("the issuer's keys are out of reach")
	}
	return k.known.JSONPublic(ctx)
}

// find looks for an unknown kid one request after the other: those who wait meanwhile find what
// the first one had fetched, where the limit on fetching would refuse them.
func (k *JWKS) find(ctx context.Context, kid string) (jwkset.JWK, error) {
	if jwk, err := k.known.KeyRead(ctx, kid); err == nil {
		return jwk, nil
	}
	select {
	case k.asking <- struct{}{}:
		defer func() { <-k.asking }()
		return k.set.KeyRead(ctx, kid)
	case <-ctx.Done():
		return jwkset.JWK{}, ctx.Err()
	}
}

// freshSet notices that a fetch succeeded. A set without keys is none: it would have every token
// refused as forged, and no issuer that issues tokens means that.
type freshSet struct {
	jwkset.Storage
	failed *atomic.Bool
}

func (s freshSet) KeyReplaceAll(ctx context.Context, keys []jwkset.JWK) error {
	if len(keys) == 0 {
		return errors.New("the set has no keys")
	}
	s.failed.Store(false)
	return s.Storage.KeyReplaceAll(ctx, keys)
}

// jwksClient trusts the configured address only: it follows no redirect, and reads so much and
// no more.
func jwksClient() *http.Client {
	return &http.Client{
		Timeout:       jwksTimeout,
		Transport:     boundedTransport{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type boundedTransport struct{ base http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, MaxJWKSBytes), resp.Body}
	}
	return resp, err
}
