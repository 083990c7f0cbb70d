package localidp

import (
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/micropay/micropay/auth/domain"
)

// accessToken signs Cognito's access-token claims.
func (p *Provider) accessToken(key signingKey, session domain.Session, scope string) (string, error) {
	now := p.now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"sub":        session.Subject,
		"iss":        p.opts.Issuer,
		"client_id":  p.opts.ClientID,
		"origin_jti": session.ID,
		"token_use":  "access",
		"scope":      scope,
		"auth_time":  session.AuthTime.Unix(),
		"iat":        now.Unix(),
		"exp":        now.Add(p.opts.AccessTTL).Unix(),
		"jti":        uuid.NewString(),
		"username":   session.Subject,
	})
	token.Header["kid"] = key.id
	return token.SignedString(key.private)
}
