package token_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/token"
)

func TestRequireServiceToken_OnlyTheSecretOpens(t *testing.T) {
	t.Parallel()
	h := token.RequireServiceToken("s3cret")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	require.Equal(t, http.StatusNoContent, serve(h, header("Authorization", "Bearer s3cret")).Code)
	for want, changes := range map[string][]func(*http.Request){
		"unauthenticated": {func(*http.Request) {}, header("Authorization", "Basic s3cret")},
		"invalid_token": {
			header("Authorization", "Bearer s3cre"), header("Authorization", "Bearer S3CRET"),
			header("Authorization", "Bearer s3crets"), header("Authorization", "Bearer s3cret", "Bearer s3cret"),
		},
	} {
		for _, change := range changes {
			w := serve(h, change)
			require.Equal(t, http.StatusUnauthorized, w.Code)
			require.Equal(t, want, code(t, w))
			require.Contains(t, w.Header().Get("WWW-Authenticate"), "Bearer")
		}
	}
}

// A secret is changed without an outage: for a while each side takes both.
func TestRequireServiceToken_WhileItIsRotated_BothOpen(t *testing.T) {
	t.Parallel()
	h := token.RequireServiceToken("new", "old", "")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	for secret, want := range map[string]int{"new": 204, "old": 204, "older": 401, "": 401, "newold": 401} {
		require.Equal(t, want, serve(h, header("Authorization", "Bearer "+secret)).Code, secret)
	}
}

func TestRequireServiceToken_WithoutASecretNobodyComesIn(t *testing.T) {
	t.Parallel()
	h := token.RequireServiceToken("")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let in") }))
	for _, value := range []string{"Bearer ", "Bearer", "", "Bearer x"} {
		require.Equal(t, http.StatusUnauthorized, serve(h, header("Authorization", value)).Code)
	}
}

func TestServiceTransport_ShowsTheSecretToTheServiceOnly(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 2)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
	}))
	t.Cleanup(elsewhere.Close)
	service := httptest.NewServer(token.RequireServiceToken("s3cret")(http.RedirectHandler(elsewhere.URL, http.StatusFound)))
	t.Cleanup(service.Close)
	client := &http.Client{Transport: token.ServiceTransport("s3cret", nil)}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, service.URL, nil)
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Empty(t, <-seen, "who is redirected to does not hear the secret")
	require.Empty(t, req.Header.Get("Authorization"), "the caller's request is left as it was")
}
