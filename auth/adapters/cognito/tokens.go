package cognito

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// claims is what an access token says that came from Cognito a moment ago: its signature is not
// looked at.
type claims struct {
	jwt.RegisteredClaims
	Session string           `json:"origin_jti"` // missing where the app client has token revocation switched off
	Since   *jwt.NumericDate `json:"auth_time"`  // when the password was given: refreshing does not change it
}

func readClaims(access string) (claims, error) {
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(access, &c); err != nil {
		return c, fmt.Errorf("cognito: an access token that cannot be read")
	}
	if c.Subject == "" || c.IssuedAt == nil || c.Since == nil {
		return c, fmt.Errorf("cognito: an access token without sub, iat or auth_time")
	}
	return c, nil
}

// A refreshToken is what our clients hold: Cognito's own, behind whose it is and which session's.
// The first Cognito wants to know with a client's secret, the second tells which session ends
// when a used token comes again. Neither is believed: what Cognito answers decides.
type refreshToken struct{ subject, session, secret string }

// maxRefreshToken bounds what is sent on, in bytes; Cognito's are about 2 KB.
const maxRefreshToken = 8 << 10

// parseRefreshToken accepts what reveal gives; anything else is ErrInvalidRefreshToken.
func parseRefreshToken(raw string) (refreshToken, error) {
	parts := strings.SplitN(raw, ".", 3)
	if len(raw) > maxRefreshToken || len(parts) < 3 || uuid.Validate(parts[0]) != nil || parts[2] == "" {
		return refreshToken{}, domain.ErrInvalidRefreshToken
	}
	return refreshToken{parts[0], parts[1], parts[2]}, nil
}

func (t refreshToken) reveal() string { return t.subject + "." + t.session + "." + t.secret }

// tokens are what the client gets.
func tokens(result *types.AuthenticationResultType, next refreshToken) ports.Tokens {
	return ports.Tokens{
		Access: aws.ToString(result.AccessToken), Refresh: next.reveal(), ExpiresIn: time.Duration(result.ExpiresIn) * time.Second,
	}
}
