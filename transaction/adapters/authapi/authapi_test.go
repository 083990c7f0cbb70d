package authapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/adapters/authapi"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// auth is an auth service that gives one answer and requires one question.
func auth(t *testing.T, question string, status int, answer string) *authapi.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method+" "+r.URL.String() != question {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return authapi.New(s.URL, s.Client())
}

const byEmail = "GET /internal/auth/users?email=bob%2Bx%40example.com"

func TestByEmail_NamesThePerson(t *testing.T) {
	t.Parallel()
	id, err := auth(t, byEmail, 200, `{"id":"019C5A00-0000-7000-8000-000000000001","name":"Bob"}`).ByEmail(t.Context(), "bob+x@example.com")
	require.NoError(t, err)
	require.Equal(t, domain.OwnerID("019c5a00-0000-7000-8000-000000000001"), id)
}

func TestByEmail_TellsUnknownFromUnavailable(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		404: domain.ErrRecipientUnknown, 422: domain.ErrRecipientUnknown, 400: domain.ErrRecipientUnknown,
		401: ports.ErrUnavailable, 429: ports.ErrUnavailable, 500: ports.ErrUnavailable, 503: ports.ErrUnavailable, 302: ports.ErrUnavailable,
	} {
		_, err := auth(t, byEmail, status, `{}`).ByEmail(t.Context(), "bob+x@example.com")
		require.ErrorIs(t, err, want, status)
	}
	for _, nonsense := range []string{``, `<html>`, `{}`, `{"id":"x"}`, `{"id":1}`} {
		_, err := auth(t, byEmail, 200, nonsense).ByEmail(t.Context(), "bob+x@example.com")
		require.ErrorIs(t, err, ports.ErrUnavailable, nonsense)
	}
	_, err := authapi.New("http://127.0.0.1:1", http.DefaultClient).ByEmail(t.Context(), "bob@example.com")
	require.ErrorIs(t, err, ports.ErrUnavailable)
	_, err = authapi.New("://", http.DefaultClient).ByEmail(t.Context(), "bob@example.com")
	require.Error(t, err)
}

func TestAfter_ReadsAPageOfTheFeed(t *testing.T) {
	t.Parallel()
	c := auth(t, "GET /internal/auth/revocations?after=7&limit=500", 200,
		`{"data":[{"kind":"session","id":"s1","revoked_at":"2026-03-01T12:00:00Z","expires_at":"2026-03-01T12:15:00Z"}],"next_cursor":"8"}`)
	rs, next, err := c.After(t.Context(), "7")
	require.NoError(t, err)
	require.Equal(t, "8", next)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	require.Equal(t, []ports.Revocation{{Kind: "session", ID: "s1", RevokedAt: noon, ExpiresAt: noon.Add(15 * time.Minute)}}, rs)

	_, _, err = auth(t, "GET /internal/auth/revocations?limit=500", 400, ``).After(t.Context(), "")
	require.ErrorIs(t, err, ports.ErrUnavailable)
}
