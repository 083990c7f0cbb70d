package httpserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/problem"
)

var (
	errKnown = errors.New("known")
	quiet    = slog.New(slog.DiscardHandler)
)

func mapper(err error) *problem.Problem {
	if errors.Is(err, errKnown) {
		return problem.New(http.StatusServiceUnavailable, "known", "")
	}
	return nil
}

func answer(log *slog.Logger, reply httpserver.Reply, err error) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h := httpserver.Handle(mapper, log, func(*http.Request) (httpserver.Reply, error) { return reply, err })
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}

func TestHandle_WritesTheReply(t *testing.T) {
	t.Parallel()
	w := answer(quiet, httpserver.Reply{Status: 201, Header: http.Header{"Location": {"/x"}}, Body: map[string]int{"a": 1}}, nil)
	require.Equal(t, 201, w.Code)
	require.Equal(t, "/x", w.Header().Get("Location"))
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.JSONEq(t, `{"a":1}`, w.Body.String())

	w = answer(quiet, httpserver.Reply{Status: 204}, nil)
	require.Equal(t, 204, w.Code)
	require.Empty(t, w.Body.String())
}

func TestHandle_NeverSaysWhatWentWrongInside(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := answer(slog.New(slog.NewJSONHandler(&log, nil)), httpserver.Reply{}, errors.New("pq: password wrong"))
	require.Equal(t, 500, w.Code)
	require.NotContains(t, w.Body.String(), "password")
	require.Contains(t, log.String(), "password wrong", "it is in the log")

	require.Equal(t, 500, answer(quiet, httpserver.Reply{Status: 200, Body: make(chan int)}, nil).Code, "what JSON cannot hold")
}

func TestHandle_MapsErrorsToProblems(t *testing.T) {
	t.Parallel()
	require.Equal(t, 503, answer(quiet, httpserver.Reply{}, errKnown).Code)
	require.Equal(t, 418, answer(quiet, httpserver.Reply{}, problem.New(418, "teapot", "")).Code)
	w := answer(quiet, httpserver.Reply{}, context.DeadlineExceeded)
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
}

func streaming(err error, text string) httpserver.Reply {
	return httpserver.Reply{Status: 200, Header: http.Header{"Content-Type": {"text/csv"}}, Stream: func(_ context.Context, w io.Writer) error {
		if text != "" {
			_, _ = io.WriteString(w, text)
		}
		return err
	}}
}

func TestHandle_Streams(t *testing.T) {
	t.Parallel()
	w := answer(quiet, streaming(nil, "a,b"), nil)
	require.Equal(t, "text/csv", w.Header().Get("Content-Type"))
	require.Equal(t, "a,b", w.Body.String())
	require.Equal(t, 200, answer(quiet, streaming(nil, ""), nil).Code)
}

func TestHandle_ABrokenStreamIsNoWholeAnswer(t *testing.T) {
	t.Parallel()
	require.Equal(t, 503, answer(quiet, streaming(errKnown, ""), nil).Code, "nothing was sent yet")
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { answer(quiet, streaming(errKnown, "a,b"), nil) })
}
