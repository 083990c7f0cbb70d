// Package tokens is an issuer of access tokens for tests: an RSA key, a JWKS address and every
// kind of token a service must accept or refuse.
//
// The tokens have the form that Amazon Cognito gives its access tokens.
package tokens

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// ClientID is the app client that good tokens are for.
const ClientID = "micropay-test-client"

// KeyBits is the size of the signing key: what RS256 asks for, and no more, for speed.
const KeyBits = 2048

// makeKey makes the keys of the whole test binary once: making one takes a tenth of a second.
var makeKey = [2]func() *rsa.PrivateKey{sync.OnceValue(newKey), sync.OnceValue(newKey)}

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, KeyBits)
	if err != nil {
		panic(err) // no randomness: nothing can be tested
	}
	return key
}

// Issuer signs tokens and publishes its key.
type Issuer struct {
	t       testing.TB
	key     *rsa.PrivateKey
	other   *rsa.PrivateKey
	server  *httptest.Server
	kid     atomic.Value
	down    atomic.Bool
	fetches atomic.Int64
}

// New starts an issuer that stops with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t, key: makeKey[0](), other: makeKey[1]()}
	i.kid.Store("key-1")
	i.server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.server.Close)
	return i
}

// URL is the issuer's name: the iss of its tokens.
func (i *Issuer) URL() string { return i.server.URL }

// JWKSURL is where the public key is.
func (i *Issuer) JWKSURL() string { return i.server.URL + "/.well-known/jwks.json" }

// Kid is the name of the current key.
func (i *Issuer) Kid() string { return i.kid.Load().(string) } //nolint:forcetypeassert // stored above

// Rotate gives the key a new name, as a new key would have.
func (i *Issuer) Rotate() { i.kid.Store("key-" + uuid.NewString()) }

// SetDown makes the JWKS address answer 503, or answer again.
func (i *Issuer) SetDown(down bool) { i.down.Store(down) }

// Fetches counts how often the JWKS was asked for.
func (i *Issuer) Fetches() int { return int(i.fetches.Load()) }

// Key signs; a local identity provider under test may be given it.
func (i *Issuer) Key() *rsa.PrivateKey { return i.key }

// JWKS is the published key set.
func (i *Issuer) JWKS() []byte {
	public := i.key.PublicKey
	raw, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.Kid(),
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
	require.NoError(i.t, err)
	return raw
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.fetches.Add(1)
	if i.down.Load() || r.URL.Path != "/.well-known/jwks.json" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(i.JWKS()) // a client that left does not hear it
}
