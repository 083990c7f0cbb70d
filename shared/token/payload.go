package token

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// maxSeconds bounds the times in a token (the year 36812), so that no arithmetic on them wraps.
const maxSeconds = 1 << 40

// payload is the token's body: the claims that matter, by their exact names, each of its one type.
type payload struct {
	Subject  string   `json:"sub"`
	Issuer   string   `json:"iss"`
	ClientID string   `json:"client_id"`
	Session  string   `json:"origin_jti"`
	Use      string   `json:"token_use"`
	Username string   `json:"username"`
	Groups   []string `json:"cognito:groups"`
	Scope    string   `json:"scope"`
	ID       string   `json:"jti"`
	AuthTime *seconds `json:"auth_time"`
	Issued   *seconds `json:"iat"`
	Expires  *seconds `json:"exp"`
	Earliest *seconds `json:"nbf"`
}

type seconds int64

func (s *seconds) time() time.Time {
	if s == nil {
		return time.Time{}
	}
	return time.Unix(int64(*s), 0)
}

func (s *seconds) date() *jwt.NumericDate {
	if s == nil {
		return nil
	}
	return jwt.NewNumericDate(s.time())
}

// UnmarshalJSON is strict where encoding/json is not: a claim given twice or in another case is
// no claim.
func (p *payload) UnmarshalJSON(raw []byte) error {
	type plain payload
	if err := json.Unmarshal(raw, (*plain)(p)); err != nil {
		return err
	}
	for _, s := range []*seconds{p.AuthTime, p.Issued, p.Expires, p.Earliest} {
		if s != nil && (*s < 0 || *s > maxSeconds) {
			return invalid("a time out of range")
		}
	}
	return nil
}

// check holds what the library does not know of.
func (p *payload) check(clients []string) error {
	switch {
	case p.Use != "access":
		return invalid("token_use")
	case p.Subject == "":
		return invalid("no sub")
	case p.Issued == nil:
		return invalid("no iat")
	case !slices.Contains(clients, p.ClientID):
		return invalid("client_id")
	}
	return nil
}

func (p *payload) claims() Claims {
	return Claims{
		Subject: p.Subject, SessionID: p.Session, ClientID: p.ClientID, Username: p.Username,
		Scope: p.Scope, Groups: p.Groups, ID: p.ID,
		AuthTime: p.AuthTime.time(), IssuedAt: p.Issued.time(), ExpiresAt: p.Expires.time(),
	}
}

// The methods below are jwt.Claims, which checks exp, nbf, iat and iss.

func (p *payload) GetExpirationTime() (*jwt.NumericDate, error) { return p.Expires.date(), nil }
func (p *payload) GetIssuedAt() (*jwt.NumericDate, error)       { return p.Issued.date(), nil }
func (p *payload) GetNotBefore() (*jwt.NumericDate, error)      { return p.Earliest.date(), nil }
func (p *payload) GetIssuer() (string, error)                   { return p.Issuer, nil }
func (p *payload) GetSubject() (string, error)                  { return p.Subject, nil }
func (p *payload) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
