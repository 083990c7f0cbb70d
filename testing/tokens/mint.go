package tokens

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// draft is a token before it is signed.
type draft struct {
	header  map[string]any
	claims  map[string]any
	method  jwt.SigningMethod
	key     any
	rewrite func(token string) string
}

// Option changes the token that Mint makes.
type Option func(*Issuer, *draft)

// Mint makes an access token. Without options it is good for an hour for a new user.
func (i *Issuer) Mint(opts ...Option) string {
	i.t.Helper()
	now := time.Now()
	d := &draft{
		header: map[string]any{"kid": i.Kid()},
		claims: map[string]any{
			"sub": uuid.NewString(), "iss": i.URL(), "client_id": ClientID, "token_use": "access",
			"origin_jti": uuid.NewString(), "jti": uuid.NewString(), "scope": "aws.cognito.signin.user.admin",
			"username": "ada", "auth_time": now.Unix(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		},
		method: jwt.SigningMethodRS256,
		key:    i.key,
	}
	for _, opt := range opts {
		opt(i, d)
	}
	token := jwt.NewWithClaims(d.method, jwt.MapClaims(d.claims))
	for name, value := range d.header {
		if value == nil {
			delete(token.Header, name)
			continue
		}
		token.Header[name] = value
	}
	raw, err := token.SignedString(d.key)
	require.NoError(i.t, err)
	if d.rewrite != nil {
		raw = d.rewrite(raw)
	}
	return raw
}

// Claim sets a claim; nil leaves it out.
func Claim(name string, value any) Option {
	return func(_ *Issuer, d *draft) {
		if value == nil {
			delete(d.claims, name)
			return
		}
		d.claims[name] = value
	}
}

// Header sets a member of the header; nil leaves it out.
func Header(name string, value any) Option {
	return func(_ *Issuer, d *draft) { d.header[name] = value }
}

// Subject says whose token it is.
func Subject(id string) Option { return Claim("sub", id) }

// Session says which session the token belongs to.
func Session(id string) Option { return Claim("origin_jti", id) }

// Scope is the space separated list of rights.
func Scope(scope string) Option { return Claim("scope", scope) }

// ExpiresIn sets exp relative to now; negative for an expired token.
func ExpiresIn(d time.Duration) Option { return timeClaim("exp", d) }

// IssuedIn sets iat relative to now; positive is in the future.
func IssuedIn(d time.Duration) Option { return timeClaim("iat", d) }

// NotBeforeIn sets nbf relative to now.
func NotBeforeIn(d time.Duration) Option { return timeClaim("nbf", d) }

func timeClaim(name string, d time.Duration) Option {
	return func(_ *Issuer, dr *draft) { dr.claims[name] = time.Now().Add(d).Unix() }
}

// ForeignKey signs with a key that is not the published one, under the published name.
func ForeignKey() Option {
	return func(i *Issuer, d *draft) { d.key = i.other }
}

// SignedAs signs with another method and key.
func SignedAs(method jwt.SigningMethod, key any) Option {
	return func(_ *Issuer, d *draft) { d.method, d.key = method, key }
}

// HMACWithPublicKey signs by HS256 with the public key's PEM as the secret.
func HMACWithPublicKey() Option {
	return func(i *Issuer, d *draft) {
		d.method, d.key = jwt.SigningMethodHS256, PublicPEM(i.key)
	}
}

// Rewritten changes the finished token.
func Rewritten(rewrite func(token string) string) Option {
	return func(_ *Issuer, d *draft) { d.rewrite = rewrite }
}

// PublicPEM is the public half in the form that people paste into settings.
func PublicPEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err) // an RSA key can be encoded
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// withHeader replaces the header of a finished token and keeps payload and signature.
func withHeader(change func(map[string]any)) func(string) string {
	return func(token string) string {
		parts := strings.Split(token, ".")
		header := map[string]any{}
		raw, err := encoding.DecodeString(parts[0])
		if err == nil {
			err = json.Unmarshal(raw, &header)
		}
		if err != nil {
			panic(err) // Mint has just made it
		}
		change(header)
		return encodeJSON(header) + "." + parts[1] + "." + parts[2]
	}
}

// hmacSigned signs by hand, because the library refuses weak ways.
func hmacSigned(alg, secret string) func(string) string {
	return func(token string) string {
		unsigned := withHeader(func(h map[string]any) { h["alg"] = alg })(token)
		unsigned = unsigned[:strings.LastIndexByte(unsigned, '.')]
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(unsigned))
		return unsigned + "." + encoding.EncodeToString(mac.Sum(nil))
	}
}
