package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
)

func query(raw string) (httpserver.Query, error) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.RawQuery = raw
	return httpserver.ReadQuery(r, "limit", "from")
}

func TestReadQuery_RefusesWhatTheCallDoesNotTake(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"x=1", "limit=1&limit=2", "limit=", "limit=%ff", "limit=%zz", "Limit=1", "a;b"} {
		_, err := query(raw)
		requireProblem(t, err, http.StatusBadRequest, "invalid_parameter")
	}
}

func TestQuery_Limit_StaysWithinBounds(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int{"": 50, "limit=1": 1, "limit=100": 100} {
		q, err := query(raw)
		require.NoError(t, err)
		n, err := q.Limit(50, 100)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	for _, raw := range []string{"limit=0", "limit=-1", "limit=101", "limit=1000000000", "limit=abc", "limit=1.5", "limit=99999999999999999999"} {
		q, err := query(raw)
		require.NoError(t, err)
		_, err = q.Limit(50, 100)
		requireProblem(t, err, http.StatusBadRequest, "invalid_parameter")
	}
}

func TestQuery_Time_IsRFC3339InUTC(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for raw, want := range map[string]time.Time{"": {}, "from=2026-03-01T12:00:00Z": noon, "from=2026-03-01T13:00:00%2B01:00": noon} {
		q, err := query(raw)
		require.NoError(t, err)
		at, err := q.Time("from")
		require.NoError(t, err)
		require.Equal(t, want, at)
	}
	for _, raw := range []string{"from=yesterday", "from=2026-03-01", "from=0000-01-01T00:00:00Z", "from=2026-02-30T00:00:00Z"} {
		q, err := query(raw)
		require.NoError(t, err)
		_, err = q.Time("from")
		requireProblem(t, err, http.StatusBadRequest, "invalid_parameter")
	}
}

type place struct {
	At  int64  `json:"t"`
	Key string `json:"k"`
}

func TestCursor_ComesBackAsItWas(t *testing.T) {
	t.Parallel()
	text := httpserver.EncodeCursor(place{1 << 60, "w"})
	require.Regexp(t, `^[A-Za-z0-9_-]+$`, text)
	var p place
	require.NoError(t, httpserver.DecodeCursor(text, &p))
	require.Equal(t, place{1 << 60, "w"}, p)
}

func TestDecodeCursor_RefusesGarbage(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"!", "e30=", "AAAA", strings.Repeat("e", 1000), "bnVsbA ", httpserver.EncodeCursor(map[string]int{"x": 1}), "🔑"} {
		require.ErrorIs(t, httpserver.DecodeCursor(text, &place{}), httpserver.ErrInvalidCursor, "%q", text)
	}
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add(httpserver.EncodeCursor(place{1, "w"}))
	f.Add("e30")
	f.Add("!")
	f.Fuzz(func(t *testing.T, text string) {
		var p place
		if httpserver.DecodeCursor(text, &p) == nil {
			var again place
			require.NoError(t, httpserver.DecodeCursor(httpserver.EncodeCursor(p), &again))
			require.Equal(t, p, again)
		}
	})
}
