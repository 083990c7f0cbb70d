package httpevents_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/httpevents"
	"github.com/micropay/micropay/testing/contract/queues"
)

// sink keeps what it is given.
type sink struct {
	mu    sync.Mutex
	kept  []events.Event
	puts  int
	fails error
}

func (s *sink) Put(_ context.Context, es []events.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if s.fails != nil {
		return s.fails
	}
	s.kept = append(s.kept, es...)
	return nil
}

func TestSink_BringsEventsToTheOtherSide(t *testing.T) {
	t.Parallel()
	there := &sink{}
	s := httptest.NewServer(http.MaxBytesHandler(httpevents.Handler(there), 64<<10)) // as the internal port is bounded
	t.Cleanup(s.Close)
	var sent []events.Event
	for range 200 {
		e := queues.New(t, strings.Repeat("é\u202e\"", 100))
		e.Time = e.Time.Truncate(time.Millisecond)
		sent = append(sent, e)
	}
	here := httpevents.Sink{URL: s.URL, HTTP: http.DefaultClient}
	require.NoError(t, here.Put(t.Context(), sent))
	require.Equal(t, sent, there.kept)
	require.Greater(t, there.puts, 1, "in bodies that are taken")
	require.NoError(t, here.Put(t.Context(), nil))
}

func TestSink_WhatWasNotTaken_IsAnError(t *testing.T) {
	t.Parallel()
	there := &sink{fails: errors.New("its database is away")}
	s := httptest.NewServer(httpevents.Handler(there))
	here := httpevents.Sink{URL: s.URL, HTTP: http.DefaultClient}
	err := here.Put(t.Context(), []events.Event{queues.New(t, "x")})
	require.ErrorContains(t, err, "503")
	require.NotContains(t, err.Error(), "database")
	s.Close()
	require.Error(t, here.Put(t.Context(), []events.Event{queues.New(t, "x")}))
	here.URL = "::"
	require.Error(t, here.Put(t.Context(), []events.Event{queues.New(t, "x")}))
	bad := queues.New(t, "x")
	bad.Data = []byte("{")
	require.ErrorContains(t, here.Put(t.Context(), []events.Event{bad}), bad.ID)
}

func TestHandler_TakesOnlyBatchesOfEvents(t *testing.T) {
	t.Parallel()
	there := &sink{}
	for body, want := range map[string]int{"": 400, "{}": 400, "[{}]": 400, `[{"specversion":"1.0"}]`: 400, "[]": 204} {
		w := httptest.NewRecorder()
		httpevents.Handler(there).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		require.Equal(t, want, w.Code, body)
	}
	require.Empty(t, there.kept)
}
