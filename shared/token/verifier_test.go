package token_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/token"
	"github.com/micropay/micropay/testing/tokens"
)

// revocations answers what the test tells it.
type revocations struct {
	revoked atomic.Bool
	broken  atomic.Bool
	asked   atomic.Int64
}

func (r *revocations) Revoked(context.Context, token.Claims) (bool, error) {
	r.asked.Add(1)
	if r.broken.Load() {
		return false, errors.New("feed is stale")
	}
	return r.revoked.Load(), nil
}

// keys counts how often a key was asked for.
type keys struct {
	key   crypto.PublicKey
	kid   string
	err   error
	asked atomic.Int64
}

func (k *keys) Key(_ context.Context, kid string) (crypto.PublicKey, error) {
	k.asked.Add(1)
	if k.err != nil {
		return nil, k.err
	}
	if kid != k.kid {
		return nil, fmt.Errorf("%w: unknown kid", token.ErrInvalid)
	}
	return k.key, nil
}

type bundle struct {
	issuer      *tokens.Issuer
	keys        *keys
	revocations *revocations
	verifier    *token.Verifier
	now         *atomic.Int64 // added to the clock, in seconds
}

func setup(t testing.TB, change ...func(*token.Config)) bundle {
	t.Helper()
	b := bundle{issuer: tokens.New(t), revocations: &revocations{}, now: &atomic.Int64{}}
	b.keys = &keys{key: &b.issuer.Key().PublicKey, kid: b.issuer.Kid()}
	cfg := token.Config{
		Issuer: b.issuer.URL(), ClientIDs: []string{"another", tokens.ClientID},
		Now: func() time.Time { return time.Now().Add(time.Duration(b.now.Load()) * time.Second) },
	}
	for _, c := range change {
		c(&cfg)
	}
	v, err := token.NewVerifier(cfg, b.keys, b.revocations)
	require.NoError(t, err)
	b.verifier = v
	return b
}

func TestVerify_AGoodTokenSaysWhoAsks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got, err := b.verifier.Verify(t.Context(), b.issuer.Mint(
		tokens.Subject("u1"), tokens.Session("s1"), tokens.Scope("read write"), tokens.Claim("jti", "j1"), tokens.Header("typ", "at+jwt")))
	require.NoError(t, err)
	require.Equal(t, "u1", got.Subject)
	require.Equal(t, "s1", got.SessionID)
	require.Equal(t, tokens.ClientID, got.ClientID)
	require.Equal(t, "ada", got.Username)
	require.Equal(t, "j1", got.ID)
	require.True(t, got.HasScope("write"))
	require.False(t, got.HasScope("writ"))
	require.WithinDuration(t, time.Now().Add(time.Hour), got.ExpiresAt, 5*time.Second)
	require.WithinDuration(t, time.Now(), got.IssuedAt, 5*time.Second)
	require.WithinDuration(t, time.Now(), got.AuthTime, 5*time.Second)
}

func TestVerify_EveryBadTokenIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bad := b.issuer.Bad()
	bad["empty"] = ""
	for name, raw := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := b.verifier.Verify(t.Context(), raw)
			require.ErrorIs(t, err, token.ErrInvalid)
			require.NotErrorIs(t, err, token.ErrUnavailable)
			require.Zero(t, got)
		})
	}
}

func TestVerify_ClocksMayDifferByTheLeewayOnly(t *testing.T) {
	t.Parallel()
	// A second of slack each side: the clock goes on while the test runs.
	for _, tt := range []struct {
		name   string
		leeway time.Duration
		option tokens.Option
		good   bool
	}{
		{"exp -1 default", 0, tokens.ExpiresIn(-time.Second), true},
		{"exp -27 default", 0, tokens.ExpiresIn(-27 * time.Second), true},
		{"exp -30 default", 0, tokens.ExpiresIn(-30 * time.Second), false},
		{"exp -57 widest", time.Minute, tokens.ExpiresIn(-57 * time.Second), true},
		{"exp -61 widest", time.Minute, tokens.ExpiresIn(-61 * time.Second), false},
		{"exp -120 widest", time.Minute, tokens.ExpiresIn(-120 * time.Second), false},
		{"iat +1 default", 0, tokens.IssuedIn(time.Second), true},
		{"iat +29 default", 0, tokens.IssuedIn(29 * time.Second), true},
		{"iat +35 default", 0, tokens.IssuedIn(35 * time.Second), false},
		{"iat +59 widest", time.Minute, tokens.IssuedIn(59 * time.Second), true},
		{"iat +65 widest", time.Minute, tokens.IssuedIn(65 * time.Second), false},
		{"iat +120 widest", time.Minute, tokens.IssuedIn(120 * time.Second), false},
		{"nbf +29 default", 0, tokens.NotBeforeIn(29 * time.Second), true},
		{"nbf +35 default", 0, tokens.NotBeforeIn(35 * time.Second), false},
		{"nbf +65 widest", time.Minute, tokens.NotBeforeIn(65 * time.Second), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *token.Config) { c.Leeway = tt.leeway })
			_, err := b.verifier.Verify(t.Context(), b.issuer.Mint(tt.option))
			if tt.good {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, token.ErrInvalid)
		})
	}
}

func TestVerify_RevokedIsRefusedOnTheVeryNextCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := b.issuer.Mint()
	_, err := b.verifier.Verify(t.Context(), raw)
	require.NoError(t, err)
	b.revocations.revoked.Store(true)
	_, err = b.verifier.Verify(t.Context(), raw)
	require.ErrorIs(t, err, token.ErrInvalid, "a remembered token is held against the revocations too")
	require.EqualValues(t, 2, b.revocations.asked.Load())
}

func TestVerify_WhatCannotBeKnownLetsNobodyIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := b.issuer.Mint()
	b.revocations.broken.Store(true)
	got, err := b.verifier.Verify(t.Context(), raw)
	require.ErrorIs(t, err, token.ErrUnavailable)
	require.NotErrorIs(t, err, token.ErrInvalid)
	require.Zero(t, got)

	b = setup(t)
	b.keys.err = errors.New("issuer is down")
	_, err = b.verifier.Verify(t.Context(), b.issuer.Mint())
	require.ErrorIs(t, err, token.ErrUnavailable)
}

func TestVerify_RemembersAVerifiedTokenUntilItExpires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := b.issuer.Mint(tokens.ExpiresIn(20 * time.Second))
	for range 3 {
		_, err := b.verifier.Verify(t.Context(), raw)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, b.keys.asked.Load(), "the signature is checked once")
	b.now.Add(51)
	_, err := b.verifier.Verify(t.Context(), raw)
	require.ErrorIs(t, err, token.ErrInvalid)
}

func TestVerify_AWithdrawnKeyIsNoticedWithinAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := b.issuer.Mint()
	_, err := b.verifier.Verify(t.Context(), raw)
	require.NoError(t, err)
	b.keys.kid = "another"
	b.now.Add(int64(token.RememberFor.Seconds()) + 1)
	_, err = b.verifier.Verify(t.Context(), raw)
	require.ErrorIs(t, err, token.ErrInvalid)
}

func TestVerify_RemembersNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int64{1: 3, -1: 4, 0: 2} {
		b := setup(t, func(c *token.Config) { c.CacheSize = size })
		first, second := b.issuer.Mint(), b.issuer.Mint()
		for _, raw := range []string{first, second, first, first} {
			_, err := b.verifier.Verify(t.Context(), raw)
			require.NoError(t, err)
		}
		require.Equal(t, want, b.keys.asked.Load(), "size %d", size)
	}
}

func TestNewVerifier_RefusesASettingThatWouldLetOthersIn(t *testing.T) {
	t.Parallel()
	good := token.Config{Issuer: "https://issuer", ClientIDs: []string{"c"}}
	for name, change := range map[string]func(*token.Config){
		"no issuer": func(c *token.Config) { c.Issuer = "" }, "no client": func(c *token.Config) { c.ClientIDs = nil },
		"empty client":    func(c *token.Config) { c.ClientIDs = []string{""} },
		"leeway too long": func(c *token.Config) { c.Leeway = token.MaxLeeway + 1 }, "leeway negative": func(c *token.Config) { c.Leeway = -1 },
	} {
		cfg := good
		change(&cfg)
		_, err := token.NewVerifier(cfg, &keys{}, &revocations{})
		require.Error(t, err, name)
	}
	_, err := token.NewVerifier(good, nil, &revocations{})
	require.Error(t, err)
	_, err = token.NewVerifier(good, &keys{}, nil)
	require.Error(t, err, "who has nothing to revoke says so with NoRevocations")
	_, err = token.NewVerifier(good, &keys{}, token.NoRevocations)
	require.NoError(t, err)
}

func TestClaims_TravelWithTheRequest(t *testing.T) {
	t.Parallel()
	_, ok := token.FromContext(t.Context())
	require.False(t, ok)
	got, ok := token.FromContext(token.WithClaims(t.Context(), token.Claims{Subject: "u"}))
	require.True(t, ok)
	require.Equal(t, "u", got.Subject)
}

func FuzzVerify(f *testing.F) {
	b := setup(f)
	for _, raw := range b.issuer.Bad() {
		f.Add(raw)
	}
	good := b.issuer.Mint()
	f.Fuzz(func(t *testing.T, raw string) {
		if raw == good {
			t.Skip()
		}
		if c, err := b.verifier.Verify(t.Context(), raw); err == nil {
			t.Fatalf("let in: %+v", c)
		}
	})
}

func BenchmarkVerify(bench *testing.B) {
	for name, size := range map[string]int{"first": -1, "remembered": 0} {
		bench.Run(name, func(bench *testing.B) {
			b := setup(bench, func(c *token.Config) { c.CacheSize = size })
			raw := b.issuer.Mint()
			for bench.Loop() {
				if _, err := b.verifier.Verify(bench.Context(), raw); err != nil {
					bench.Fatal(err)
				}
			}
		})
	}
}

func TestVerify_TheGroupOperatorMeansTheScopeOfOperators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	groups := func(groups any) (token.Claims, error) {
		return b.verifier.Verify(t.Context(), b.issuer.Mint(tokens.Claim("cognito:groups", groups)))
	}
	got, err := groups([]string{"staff", "operator"})
	require.NoError(t, err)
	require.True(t, got.HasScope("micropay/operator"))
	require.True(t, got.HasScope("aws.cognito.signin.user.admin"), "Cognito's own scope is there all the same")
	require.False(t, got.HasScope("micropay/staff"), "no other group means a scope")
	require.False(t, got.HasScope("operator"))
	for _, none := range []any{[]string{}, []string{"operators", "Operator", "micropay/operator"}, nil} {
		got, err = groups(none)
		require.NoError(t, err)
		require.False(t, got.HasScope("micropay/operator"))
	}
	_, err = groups("operator")
	require.ErrorIs(t, err, token.ErrInvalid, "a list or nothing")
}
