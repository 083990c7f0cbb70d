package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/problem"
)

func withKeys(values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header["Idempotency-Key"] = values
	return r
}

func requireProblem(t *testing.T, err error, status int, code string) {
	t.Helper()
	var p *problem.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, status, p.Status)
	require.Equal(t, code, p.Code)
}

func TestIdempotencyKey_IsOneVisibleWord(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("k", 255)
	for given, want := range map[string]string{"k": "k", longest: longest, `"k"`: "k", "a-b_c.d~!": "a-b_c.d~!"} {
		got, err := httpserver.IdempotencyKey(withKeys(given))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, given := range []string{
		"", " ", "a b", "a\tb", "a,b", longest + "k", strings.Repeat("k", 10_000), "a\r\nX: y", "🔑", "a\x00b", "a\x7f", `"`, `""`, `"a`, `a"b`,
	} {
		_, err := httpserver.IdempotencyKey(withKeys(given))
		requireProblem(t, err, http.StatusBadRequest, "idempotency_key_invalid")
	}
}

func TestIdempotencyKey_MustBeThereOnce(t *testing.T) {
	t.Parallel()
	_, err := httpserver.IdempotencyKey(withKeys())
	requireProblem(t, err, http.StatusBadRequest, "idempotency_key_missing")
	_, err = httpserver.IdempotencyKey(withKeys("a", "a"))
	requireProblem(t, err, http.StatusBadRequest, "idempotency_key_invalid")
}

func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"k", `"k"`, "a,b", " ", "🔑"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		key, err := httpserver.IdempotencyKey(withKeys(given))
		if err != nil {
			return
		}
		require.Regexp(t, `^[!#-+\--~]{1,255}$`, key)
		again, err := httpserver.IdempotencyKey(withKeys(`"` + key + `"`))
		require.NoError(t, err, "the quoted form is the same key")
		require.Equal(t, key, again)
	})
}
