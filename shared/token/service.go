package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/micropay/micropay/shared/problem"
)

// RequireServiceToken lets in the other services, which know one of the secrets: two, while one
// takes the other's place. Empty ones are none, and without any nobody is let in.
func RequireServiceToken(secrets ...string) func(http.Handler) http.Handler {
	var good [][sha256.Size]byte // one length for all, so that the time tells nothing
	for _, secret := range secrets {
		if secret != "" {
			good = append(good, sha256.Sum256([]byte(secret)))
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, err := bearer(r.Header)
			if errors.Is(err, errNone) {
				problem.Write(w, unauthorized("unauthenticated", "a service token is required", challenge))
				return
			}
			got, known := sha256.Sum256([]byte(raw)), 0
			for _, want := range good {
				known |= subtle.ConstantTimeCompare(got[:], want[:])
			}
			if err != nil || known != 1 {
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
