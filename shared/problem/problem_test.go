package problem_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/problem"
)

func TestWrite_IsProblemJSONWithAStableCode(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", "r1")
	p := problem.New(http.StatusUnprocessableEntity, "validation_failed", "look")
	p.Errors = []problem.Field{{Field: "amount", Code: "out_of_range", Detail: "at least 1"}}
	require.EqualError(t, p, "validation_failed")
	problem.Write(w, p)
	require.Equal(t, 422, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Empty(t, w.Header().Get("Retry-After"))
	require.JSONEq(t, `{"type":"urn:micropay:problem:validation_failed","title":"Unprocessable Entity","status":422,
		"code":"validation_failed","detail":"look","request_id":"r1",
		"errors":[{"field":"amount","code":"out_of_range","detail":"at least 1"}]}`, w.Body.String())
}

func TestWrite_RoundsRetryAfterUp(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	p := problem.New(http.StatusServiceUnavailable, "unavailable", "")
	p.RetryAfter = 1500 * time.Millisecond
	p.Header = http.Header{"Www-Authenticate": {"Bearer"}}
	problem.Write(w, p)
	require.Equal(t, "2", w.Header().Get("Retry-After"))
	require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
}
