package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/micropay/micropay/shared/problem"
)

// RequireServiceToken lets in the other services, which know the secret. Without a secret it
// lets in nobody.
func RequireServiceToken(secret string) func(http.Handler) http.Handler {
	want := sha256.Sum256([]byte(secret)) // one length for all, so that the time tells nothing
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, err := bearer(r.Header)
			if errors.Is(err, errNone) {
				problem.Write(w, unauthorized("unauthenticated", "a service token is required", challenge))
				return
			}
			got := sha256.Sum256([]byte(raw))
			if err != nil || secret == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				problem.Write(w, invalidToken())
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// ServiceTransport shows the secret with each request that goes through base (nil: the default
// transport). A request that another answer redirected does not carry it.
func ServiceTransport(secret string, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return serviceTransport{secret, base}
}

type serviceTransport struct {
	secret string
	base   http.RoundTripper
}

func (t serviceTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Response == nil { // not the consequence of a redirect
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+t.secret)
	}
	return t.base.RoundTrip(r)
}
