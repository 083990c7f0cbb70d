package token

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Claims is what a verified access token says.
type Claims struct {
	Subject   string // sub: the user's id
	SessionID string // origin_jti: the session the token belongs to
	ClientID  string
	Username  string
	Scope     string // space separated
	Groups    []string
	ID        string // jti
	AuthTime  time.Time
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// scopeOfGroup is the scope that a group of the user pool stands for: Cognito issues the scopes of
// an app client alike to all its users, so what only some may do is a matter of groups there.
var scopeOfGroup = map[string]string{"operator": "micropay/operator"}

// HasScope tells whether s is among the token's scopes, or meant by one of the user's groups.
func (c Claims) HasScope(s string) bool {
	return slices.Contains(strings.Fields(c.Scope), s) ||
		slices.ContainsFunc(c.Groups, func(group string) bool { return scopeOfGroup[group] == s && s != "" })
}

type contextKey struct{}

// WithClaims is ctx that says who asks. Middleware does it; tests may.
func WithClaims(ctx context.Context, c Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext is who asks, when Middleware has let the request in.
func FromContext(ctx context.Context) (Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(Claims)
	return c, ok
}
