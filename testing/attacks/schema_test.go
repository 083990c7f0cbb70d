package attacks_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	auth "github.com/micropay/micropay/auth/adapters/rest"
	"github.com/micropay/micropay/testing/openapi"
	"github.com/micropay/micropay/testing/torture"
	transaction "github.com/micropay/micropay/transaction/adapters/rest"
)

// anywhere are the problems that any call may be answered with.
var anywhere = openapi.Anywhere(http.StatusMethodNotAllowed, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge,
	http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable)

// described stands before the platform and holds its answers to the documents.
func described(t *testing.T, platform string) string {
	t.Helper()
	u, err := url.Parse(platform)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 16}
	ofAuth := openapi.Load(t, auth.OpenAPI, anywhere).Record(t, proxy)
	ofTransaction := openapi.Load(t, transaction.OpenAPI, anywhere).Record(t, proxy)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/transaction") {
			ofTransaction.ServeHTTP(w, r)
			return
		}
		ofAuth.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Requests made from the documents, right, nearly right and nonsense: none is too much for the platform, each
// answer is as its document says, and the ledger stays whole.
func TestRequestsOfEveryKind_AreAnsweredAsDescribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := newGenerator(t, seed, auth.OpenAPI, transaction.OpenAPI)
	front := described(t, w.url)
	seen := map[int]int{}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for i := range 3000 * torture.Times() {
		if i%50 == 0 { // people sign out, change passwords and leave
			g.people = []person{w.join(), w.join()}
			g.ids = append(g.ids[max(0, len(g.ids)-30):], g.people[0].wallet, g.people[1].wallet, uuid.NewString())
		}
		r := g.request(front)
		if r == nil {
			continue
		}
		resp, err := client.Do(r)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		seen[resp.StatusCode]++
		require.Lessf(t, resp.StatusCode, 500, "%s %s: %s", r.Method, r.URL, body)
		for _, inner := range []string{"pq:", "SQLSTATE", "goroutine ", ".go:", "syntax error"} {
			require.NotContainsf(t, string(body), inner, "%s %s", r.Method, r.URL)
		}
		g.learn(body)
	}
	t.Logf("answers: %v", seen)
	for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusBadRequest, http.StatusUnprocessableEntity} {
		require.GreaterOrEqual(t, seen[status], 10, "%d: the requests are neither all good nor all bad", status)
	}
	w.clean()
}
