package token

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/micropay/micropay/shared/problem"
)

const challenge = `Bearer realm="micropay"`

// errNone means that no bearer token was presented at all.
var errNone = errors.New("no bearer token")

// Middleware lets in requests with a good token, which it takes from the Authorization header
// only (RFC 6750, RFC 9700); the claims are in the request's context then.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := bearer(r.Header)
		var claims Claims
		if err == nil {
			claims, err = v.Verify(r.Context(), raw)
		}
		if err != nil {
			v.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(WithClaims(r.Context(), claims)))
	})
}

// bearer is the one token of the one Authorization header.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", errNone
	case len(values) > 1:
		return "", invalid("%d Authorization headers", len(values))
	}
	scheme, raw, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errNone
	}
	raw = strings.TrimLeft(raw, " ")
	if raw == "" || strings.ContainsFunc(raw, notInToken) {
		return "", invalid("not a token")
	}
	return raw, nil
}

// notInToken tells whether c is outside b64token of RFC 6750, section 2.1.
func notInToken(c rune) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return false
	}
	return !strings.ContainsRune("-._~+/=", c)
}

func (v *Verifier) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errNone):
		problem.Write(w, unauthorized("unauthenticated", "an access token is required", challenge))
	case errors.Is(err, ErrInvalid):
		v.cfg.Log.InfoContext(r.Context(), "access token refused", "reason", err.Error())
		problem.Write(w, invalidToken())
	default:
		v.cfg.Log.WarnContext(r.Context(), "access token cannot be checked", "error", err.Error())
		p := problem.New(http.StatusServiceUnavailable, "unavailable", "the access token cannot be checked now")
		p.RetryAfter = time.Second
		problem.Write(w, p)
	}
}

func invalidToken() *problem.Problem {
	return unauthorized("invalid_token", "the access token is not valid", challenge+`, error="invalid_token"`)
}

func unauthorized(code, detail, challenge string) *problem.Problem {
	p := problem.New(http.StatusUnauthorized, code, detail)
	p.Header = http.Header{"Www-Authenticate": {challenge}}
	return p
}
