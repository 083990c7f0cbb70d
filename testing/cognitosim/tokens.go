package cognitosim

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const kid = "simulated-key"

// tokens makes an access token of a session, and a refresh token if asked for.
func (s *Sim) tokens(of *session, refresh bool) map[string]any {
	u, now := s.users[of.sub], s.settings.Now()
	claims := jwt.MapClaims{
		"sub": u.Sub, "iss": s.Issuer(), "client_id": ClientID, "origin_jti": of.id, "event_id": uuid.NewString(), "token_use": "access",
		"scope": "aws.cognito.signin.user.admin", "auth_time": of.authTime.Unix(), "iat": now.Unix(), "exp": now.Add(AccessTTL).Unix(),
		"jti": uuid.NewString(), "username": u.Sub,
	}
	if len(u.Groups) > 0 {
		claims["cognito:groups"] = u.Groups
	}
	access := s.sign(claims)
	s.access[access] = of
	result := map[string]any{"AccessToken": access, "ExpiresIn": int(AccessTTL / time.Second), "TokenType": "Bearer"}
	if refresh {
		of.current = "eyJjdHkiOiJKV1QifQ." + uuid.NewString() + ".iv.text.tag" // five parts, like the real one
		s.sessions[of.current] = of
		result["RefreshToken"] = of.current
	}
	return map[string]any{"AuthenticationResult": result}
}

func (s *Sim) sign(claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = kid
	signed, err := token.SignedString(s.key)
	if err != nil {
		panic(err) // an RSA key signs
	}
	return signed
}

// serveKeys publishes the keys.
func (s *Sim) serveKeys(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls["keys"]++
	down := s.keysDown
	s.mu.Unlock()
	switch {
	case down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path != "/"+PoolID+"/.well-known/jwks.json":
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
			"n": base64.RawURLEncoding.EncodeToString(s.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()),
		}}})
	}
}
