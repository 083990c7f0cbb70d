package tokens

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var encoding = base64.RawURLEncoding

// Bad makes one token of every kind that no service may accept, by the name of its fault.
// Absent tokens, and good tokens in the wrong place, are for the test of the request itself.
func (i *Issuer) Bad() map[string]string {
	i.t.Helper()
	bad := map[string]string{
		"garbage": "garbage", "two parts": "a.b", "three empty parts": "..", "four parts": i.Mint() + ".x",
		"not JSON": encoding.EncodeToString([]byte("{")) + "." + encoding.EncodeToString([]byte("{}")) + ".x",
		"too long": i.Mint(Claim("pad", strings.Repeat("x", 8<<10))),
	}
	for name, opts := range badOptions() {
		bad[name] = i.Mint(opts...)
	}
	return bad
}

func badOptions() map[string][]Option {
	kinds := map[string][]Option{
		"signature stripped":      {Rewritten(func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] })},
		"signature flipped":       {Rewritten(flipped)},
		"foreign signature":       {ForeignKey()},
		"payload changed":         {Rewritten(promoted)},
		"unknown kid":             {Header("kid", "nobody")},
		"no kid":                  {Header("kid", nil)},
		"kid is no string":        {Header("kid", 7)},
		"kid is a path":           {Header("kid", "../../etc/passwd"), ForeignKey()},
		"crit":                    {Header("crit", []string{"exp"})},
		"jku":                     {Header("jku", "http://127.0.0.1:1/keys"), ForeignKey()},
		"jwk":                     {Header("jwk", map[string]string{"kty": "oct", "k": "AA"}), ForeignKey()},
		"wrong typ":               {Header("typ", "secevent+jwt")},
		"HS256 with public PEM":   {HMACWithPublicKey()},
		"HS256 with empty key":    {Rewritten(hmacSigned("HS256", ""))},
		"HS256 with weak key":     {Rewritten(hmacSigned("HS256", "secret"))},
		"RS256 name, HMAC inside": {Rewritten(hmacSigned("RS256", "secret"))},
		"alg swapped to RS512":    {Rewritten(withHeader(func(h map[string]any) { h["alg"] = "RS512" }))},
		"RS512":                   {signedBy(jwt.SigningMethodRS512)},
		"PS256":                   {signedBy(jwt.SigningMethodPS256)},
		"expired":                 {ExpiresIn(-2 * time.Minute)},
		"no exp":                  {Claim("exp", nil)},
		"exp is text":             {Claim("exp", "tomorrow")},
		"exp out of range":        {Claim("exp", 1e300)},
		"no iat":                  {Claim("iat", nil)},
		"iat in the future":       {IssuedIn(time.Hour)},
		"nbf in the future":       {NotBeforeIn(time.Hour)},
		"wrong iss":               {Claim("iss", "https://issuer.example")},
		"iss with slash":          {func(i *Issuer, d *draft) { d.claims["iss"] = i.URL() + "/" }},
		"no iss":                  {Claim("iss", nil)},
		"wrong client":            {Claim("client_id", "somebody-else")},
		"no client":               {Claim("client_id", nil)},
		"id token":                {Claim("token_use", "id")},
		"refresh token":           {Claim("token_use", "refresh")},
		"no token_use":            {Claim("token_use", nil)},
		"no sub":                  {Claim("sub", nil)},
		"empty sub":               {Claim("sub", "")},
		"sub is no string":        {Claim("sub", 7)},
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		kinds["alg "+alg] = []Option{Rewritten(func(s string) string {
			s = withHeader(func(h map[string]any) { h["alg"] = alg })(s)
			return s[:strings.LastIndexByte(s, '.')+1]
		})}
	}
	return kinds
}

// signedBy signs with the published key, by another method.
func signedBy(method jwt.SigningMethod) Option {
	return func(_ *Issuer, d *draft) { d.method = method }
}

func flipped(token string) string {
	at := strings.LastIndexByte(token, '.') + 10
	swap := byte('A')
	if token[at] == swap {
		swap = 'B'
	}
	return token[:at] + string(swap) + token[at+1:]
}

// promoted changes who the token is for and keeps the signature.
func promoted(token string) string {
	parts := strings.Split(token, ".")
	claims := map[string]any{"sub": "admin"}
	return parts[0] + "." + encodeJSON(claims) + "." + parts[2]
}

func encodeJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain maps can be encoded
	}
	return encoding.EncodeToString(raw)
}
