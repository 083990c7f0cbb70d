package token_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/token"
	"github.com/micropay/micropay/testing/tokens"
)

func jwks(t *testing.T, url string, opts ...token.JWKSOption) *token.JWKS {
	t.Helper()
	k, err := token.NewJWKS(t.Context(), url, opts...)
	require.NoError(t, err)
	return k
}

func TestJWKS_FindsThePublishedKey(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	k := jwks(t, issuer.JWKSURL())
	key, err := k.Key(t.Context(), issuer.Kid())
	require.NoError(t, err)
	require.True(t, issuer.Key().PublicKey.Equal(key))
	require.Equal(t, 1, issuer.Fetches())
}

func TestJWKS_AsksForAnUnknownKeySeldom(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	k := jwks(t, issuer.JWKSURL())
	for range 5 {
		_, err := k.Key(t.Context(), "nobody")
		require.ErrorIs(t, err, token.ErrInvalid)
	}
	require.Equal(t, 2, issuer.Fetches(), "the first one, and one for all the unknown names")
	_, err := k.Key(t.Context(), issuer.Kid())
	require.NoError(t, err, "known keys are found all the same")
}

func TestJWKS_LearnsOfANewKeyAndForgetsTheOld(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	k := jwks(t, issuer.JWKSURL())
	old := issuer.Kid()
	issuer.Rotate()
	_, err := k.Key(t.Context(), issuer.Kid())
	require.NoError(t, err)
	_, err = k.Key(t.Context(), old)
	require.ErrorIs(t, err, token.ErrInvalid)
}

func TestJWKS_FindsANewKeyForAllWhoAskAtOnce(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	k := jwks(t, issuer.JWKSURL())
	issuer.Rotate()
	answers := make(chan error)
	const crowd = 20
	for range crowd {
		go func() {
			_, err := k.Key(t.Context(), issuer.Kid())
			answers <- err
		}()
	}
	for range crowd {
		require.NoError(t, <-answers)
	}
	require.Equal(t, 2, issuer.Fetches(), "the first one, and one for the crowd")
}

func TestJWKS_RefreshesInTheBackground(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	jwks(t, issuer.JWKSURL(), token.RefreshEvery(5*time.Millisecond))
	require.Eventually(t, func() bool { return issuer.Fetches() > 2 }, 5*time.Second, time.Millisecond)
}

func TestJWKS_StartsBeforeTheIssuerDoes(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	issuer.SetDown(true)
	k := jwks(t, issuer.JWKSURL())
	_, err := k.Key(t.Context(), issuer.Kid())
	require.Error(t, err)
	require.NotErrorIs(t, err, token.ErrInvalid, "nothing is known of the key, so nobody says that it is wrong")

	k = jwks(t, issuer.JWKSURL())
	issuer.SetDown(false)
	_, err = k.Key(t.Context(), issuer.Kid())
	require.NoError(t, err, "the first token has the keys fetched")
}

func TestJWKS_KeepsItsKeysWhileTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	k := jwks(t, issuer.JWKSURL())
	issuer.SetDown(true)
	_, err := k.Key(t.Context(), "new")
	require.NotErrorIs(t, err, token.ErrInvalid)
	require.Error(t, err)
	_, err = k.Key(t.Context(), issuer.Kid())
	require.NoError(t, err)
}

func TestJWKS_TakesOnlyKeysThatMayVerifyRS256(t *testing.T) {
	t.Parallel()
	strong, weak := tokens.New(t).Key(), mustKey(t, 1024)
	set := fmt.Sprintf(`{"keys":[%s,%s,%s,%s,{"kty":"oct","kid":"oct","k":"c2VjcmV0"}]}`,
		member(strong, "good", `"use":"sig"`), member(strong, "encryption", `"use":"enc"`),
		member(strong, "other", `"alg":"RS512"`), member(weak, "weak", `"use":"sig"`))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(set)) }))
	t.Cleanup(server.Close)
	k := jwks(t, server.URL)
	_, err := k.Key(t.Context(), "good")
	require.NoError(t, err)
	for _, kid := range []string{"encryption", "other", "weak", "oct"} {
		_, err = k.Key(t.Context(), kid)
		require.ErrorIs(t, err, token.ErrInvalid, kid)
	}
}

func TestJWKS_FollowsNoRedirectAndReadsNoEndlessAnswer(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	redirect := httptest.NewServer(http.RedirectHandler(issuer.JWKSURL(), http.StatusFound))
	t.Cleanup(redirect.Close)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat(" ", token.MaxJWKSBytes)))
		_, _ = w.Write(issuer.JWKS())
	}))
	t.Cleanup(endless.Close)
	for _, url := range []string{redirect.URL, endless.URL} {
		_, err := jwks(t, url).Key(t.Context(), issuer.Kid())
		require.Error(t, err)
		require.NotErrorIs(t, err, token.ErrInvalid)
	}
	require.Zero(t, issuer.Fetches())
}

func TestNewJWKS_RefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "nonsense", "file:///etc/passwd"} {
		_, err := token.NewJWKS(t.Context(), url)
		require.Error(t, err, url)
	}
}

func mustKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits) //nolint:gosec // weak on purpose
	require.NoError(t, err)
	return key
}

func member(key *rsa.PrivateKey, kid, more string) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":%q,"e":"AQAB","n":%q,%s}`, kid, base64.RawURLEncoding.EncodeToString(key.N.Bytes()), more)
}

func TestJWKS_AnEmptySetWithdrawsNoKey(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	var empty atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if empty.Load() {
			_, _ = w.Write([]byte(`{"keys":[]}`))
			return
		}
		_, _ = w.Write(issuer.JWKS())
	}))
	t.Cleanup(server.Close)
	k := jwks(t, server.URL)
	empty.Store(true)
	_, err := k.Key(t.Context(), "new")
	require.Error(t, err)
	require.NotErrorIs(t, err, token.ErrInvalid, "an issuer without keys is out of order")
	_, err = k.Key(t.Context(), issuer.Kid())
	require.NoError(t, err)
}

func TestJWKS_ASlowIssuerDelaysOnlyWhoAsksForWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	var slow atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			<-r.Context().Done()
			return
		}
		_, _ = w.Write(issuer.JWKS())
	}))
	t.Cleanup(server.Close)
	k := jwks(t, server.URL)
	slow.Store(true)
	waiting := make(chan error)
	started := time.Now()
	go func() { _, err := k.Key(t.Context(), "new"); waiting <- err }()
	for range 100 {
		_, err := k.Key(t.Context(), issuer.Kid())
		require.NoError(t, err)
	}
	select {
	case err := <-waiting:
		t.Fatalf("known keys are found at once, not after whoever waits: %v", err)
	default:
	}
	err := <-waiting
	require.Error(t, err)
	require.NotErrorIs(t, err, token.ErrInvalid)
	require.Less(t, time.Since(started), 5*time.Second)
}

func TestJWKS_AFloodOfUnknownNamesReachesTheIssuerOnce(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	k := jwks(t, issuer.JWKSURL())
	const crowd = 200
	answers := make(chan error)
	for i := range crowd {
		go func() { _, err := k.Key(t.Context(), fmt.Sprint("made up ", i)); answers <- err }()
	}
	for range crowd {
		require.ErrorIs(t, <-answers, token.ErrInvalid)
	}
	require.Equal(t, 2, issuer.Fetches())
}

func TestJWKS_PublishesWhatItKnows(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	issuer.SetDown(true)
	k := jwks(t, issuer.JWKSURL())
	_, err := k.Published(t.Context())
	require.Error(t, err, "no set is not an empty one")

	k = jwks(t, issuer.JWKSURL())
	issuer.SetDown(false)
	raw, err := k.Published(t.Context())
	require.NoError(t, err, "who asks first has it fetched")
	require.JSONEq(t, string(issuer.JWKS()), string(raw))
	issuer.SetDown(true)
	again, err := k.Published(t.Context())
	require.NoError(t, err, "and it is at hand while the issuer is away")
	require.Equal(t, raw, again)
}
