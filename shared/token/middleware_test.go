package token_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/token"
)

func serve(h http.Handler, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/wallets", nil)
	change(r)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	var p struct{ Code string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	return p.Code
}

func TestMiddleware_LetsInAndSaysWho(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := token.FromContext(r.Context())
		require.True(t, ok)
		_, _ = w.Write([]byte(c.Username))
	}))
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER   "} {
		w := serve(h, header("Authorization", scheme+b.issuer.Mint()))
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, "ada", w.Body.String())
	}
}

func TestMiddleware_WithoutAUsableToken_401AndNoEffect(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	b := setup(t, func(c *token.Config) { c.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	h := b.verifier.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let in") }))
	good := b.issuer.Mint()
	type kase struct {
		change func(*http.Request)
		code   string
	}
	cases := map[string]kase{
		"no header":       {func(*http.Request) {}, "unauthenticated"},
		"empty header":    {header("Authorization", ""), "unauthenticated"},
		"basic":           {header("Authorization", "Basic "+good), "unauthenticated"},
		"no scheme":       {header("Authorization", good), "unauthenticated"},
		"in the query":    {func(r *http.Request) { r.URL.RawQuery = "access_token=" + good }, "unauthenticated"},
		"in a cookie":     {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "access_token", Value: good}) }, "unauthenticated"},
		"scheme only":     {header("Authorization", "Bearer"), "invalid_token"},
		"scheme, blanks":  {header("Authorization", "Bearer  "), "invalid_token"},
		"two headers":     {header("Authorization", "Bearer "+good, "Bearer "+good), "invalid_token"},
		"two tokens":      {header("Authorization", "Bearer "+good+" "+good), "invalid_token"},
		"a list":          {header("Authorization", "Bearer "+good+", Bearer "+good), "invalid_token"},
		"a tab":           {header("Authorization", "Bearer \t"+good), "invalid_token"},
		"blank at end":    {header("Authorization", "Bearer "+good+" "), "invalid_token"},
		"good, then more": {header("Authorization", "Bearer "+good+"\x00"), "invalid_token"},
	}
	for name, raw := range b.issuer.Bad() {
		cases["token: "+name] = kase{header("Authorization", "Bearer "+raw), "invalid_token"}
	}
	var first string
	for name, tt := range cases {
		w := serve(h, tt.change)
		require.Equal(t, http.StatusUnauthorized, w.Code, name)
		require.Equal(t, tt.code, code(t, w), name)
		if tt.code == "unauthenticated" {
			require.Equal(t, `Bearer realm="micropay"`, w.Header().Get("WWW-Authenticate"), name)
			continue
		}
		require.Equal(t, `Bearer realm="micropay", error="invalid_token"`, w.Header().Get("WWW-Authenticate"), name)
		if first == "" {
			first = w.Body.String()
		}
		require.Equal(t, first, w.Body.String(), "which check failed is not told")
	}
	require.Contains(t, logged.String(), "token_use", "the log says why")
	require.NotContains(t, logged.String(), strings.Split(good, ".")[2], "and never repeats a token")
}

func TestMiddleware_CannotTell_503(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.revocations.broken.Store(true)
	h := b.verifier.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let in") }))
	w := serve(h, header("Authorization", "Bearer "+b.issuer.Mint()))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "unavailable", code(t, w))
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Empty(t, w.Header().Get("WWW-Authenticate"), "the client's token is not at fault")
	require.NotContains(t, w.Body.String(), "stale")
}

func FuzzMiddleware(f *testing.F) {
	b := setup(f)
	h := b.verifier.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { f.Error("let in") }))
	for _, seed := range []string{"", "Bearer", "Bearer a.b.c", "Basic x", "bearer \x00", "Bearer a, Bearer b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if w := serve(h, header("Authorization", value)); w.Code != http.StatusUnauthorized {
			t.Fatal(w.Code)
		}
	})
}
