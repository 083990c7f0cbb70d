package httpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
)

func config() httpserver.Config {
	return httpserver.Config{BodyLimit: 64, RequestTimeout: time.Minute, MaxInFlight: 10, ShutdownGrace: time.Minute}
}

// served is a router with a few routes, wrapped in Middleware, and its log.
func served(t *testing.T, c httpserver.Config, reg prometheus.Registerer) (http.Handler, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	r := httpserver.NewRouter()
	r.HandleFunc("/things/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, httpserver.RequestID(r.Context()))
	}).Methods(http.MethodGet)
	r.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("boom") })
	r.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r.Handle("/body", httpserver.Handle(mapper, quiet, func(r *http.Request) (httpserver.Reply, error) {
		return httpserver.Reply{Status: 200}, httpserver.Decode(r, &order{})
	}))
	r.Handle("/slow", httpserver.Handle(mapper, quiet, func(r *http.Request) (httpserver.Reply, error) {
		<-r.Context().Done()
		return httpserver.Reply{}, r.Context().Err()
	}))
	r.Handle("/stream", httpserver.Handle(mapper, quiet, func(*http.Request) (httpserver.Reply, error) {
		return httpserver.Reply{Status: 200, Stream: func(ctx context.Context, w io.Writer) error {
			_, limited := ctx.Deadline()
			return json.NewEncoder(w).Encode(limited)
		}}, nil
	}))
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return httpserver.Middleware(httpserver.Options{Config: c, Log: logger, Registry: reg})(r), log
}

func call(h http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, nil)
	for k, v := range header {
		r.Header[k] = v
	}
	h.ServeHTTP(w, r)
	return w
}

func TestMiddleware_EchoesOnlyPlainRequestIDs(t *testing.T) {
	t.Parallel()
	h, _ := served(t, config(), prometheus.NewRegistry())
	w := call(h, "GET", "/things/1", http.Header{"X-Request-Id": {"abc-1"}})
	require.Equal(t, "abc-1", w.Header().Get("X-Request-Id"))
	require.Equal(t, "abc-1", w.Body.String())
	for _, id := range []string{"", "a b", "a\r\nX: y", strings.Repeat("a", 65), "ü"} {
		w := call(h, "GET", "/things/1", http.Header{"X-Request-Id": {id}})
		require.Regexp(t, `^[0-9a-f-]{36}$`, w.Header().Get("X-Request-Id"))
	}
}

func TestMiddleware_LogsTheRouteAndNoSecrets(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h, log := served(t, config(), reg)
	call(h, "GET", "/things/s3cret?token=s3cret", http.Header{
		"Authorization": {"Bearer s3cret"}, "Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	})
	require.NotContains(t, log.String(), "s3cret")
	var line map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &line), "one object a line")
	require.Equal(t, "/things/{id}", line["route"])
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", line["trace_id"])
	require.EqualValues(t, 200, line["status"])
	n, err := testutil.GatherAndCount(reg, "http_requests_total")
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// By the id of what was made, its events are found in the logs of whoever acted on them.
func TestMiddleware_LogsWhatWasMade(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	made := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/things/7")
		w.WriteHeader(http.StatusCreated)
	})
	h := httpserver.Middleware(httpserver.Options{Config: config(), Log: logger, Registry: prometheus.NewRegistry()})(made)
	call(h, "POST", "/things", nil)
	require.Contains(t, log.String(), `"made":"/things/7"`)
}

func TestMiddleware_PanicIsA500AndTheServerLives(t *testing.T) {
	t.Parallel()
	h, log := served(t, config(), prometheus.NewRegistry())
	w := call(h, "GET", "/panic", nil)
	require.Equal(t, 500, w.Code)
	require.NotContains(t, w.Body.String(), "boom")
	require.Contains(t, log.String(), "boom")
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { call(h, "GET", "/abort", nil) })
}

func TestMiddleware_UnknownPathsAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	h, _ := served(t, config(), prometheus.NewRegistry())
	for target, want := range map[string]int{"/nowhere": 404, "/metrics": 404, "/things/a%2Fb": 200} {
		w := call(h, "GET", target, nil)
		require.Equal(t, want, w.Code, target)
	}
	w := call(h, "TRACE", "/things/1", nil)
	require.Equal(t, 405, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

// A redirect would turn a POST into a GET.
func TestRouter_APathIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	h, _ := served(t, config(), prometheus.NewRegistry())
	for _, target := range []string{"/things//1", "//things/1", "/things/./1", "/nowhere/../things/1"} {
		for _, method := range []string{"GET", "POST"} {
			require.Equal(t, 404, call(h, method, target, nil).Code, target)
		}
	}
}

// A server before us may have gone by the length that came with the chunks, and take for the body what
// we would take for the next request (RFC 9112, section 6.1).
func TestMiddleware_AChunkedRequestIsTheLastOfItsConnection(t *testing.T) {
	t.Parallel()
	h, _ := served(t, config(), prometheus.NewRegistry())
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	const hidden = "GET /things/1 HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, target := range []string{"/body", "/nowhere"} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, "POST "+target+" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"+
			"Content-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"+hidden)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		answers, err := io.ReadAll(c)
		require.NoError(t, err, "the connection is closed")
		require.Equal(t, 1, strings.Count(string(answers), "HTTP/1.1 "), "%s: %s", target, answers)
	}
}

// Also of one that is refused before anybody reads it.
func TestMiddleware_AChunkedRequestThatIsRefused_IsTheLastToo(t *testing.T) {
	t.Parallel()
	for want, tighten := range map[int]func(*httpserver.Config){
		429: func(c *httpserver.Config) { c.RateLimit, c.RateBurst = 1, 1 },
		503: func(c *httpserver.Config) { c.MaxInFlight = 0 },
	} {
		c := config()
		tighten(&c)
		h, _ := served(t, c, prometheus.NewRegistry())
		if want == 429 {
			call(h, "GET", "/things/1", nil)
		}
		r := httptest.NewRequest(http.MethodPost, "/body", strings.NewReader("{}"))
		r.TransferEncoding = []string{"chunked"}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, want, w.Code)
		require.Equal(t, "close", w.Header().Get("Connection"), want)
	}
}

func TestMiddleware_BoundsTheBody(t *testing.T) {
	t.Parallel()
	h, _ := served(t, config(), prometheus.NewRegistry())
	for size, want := range map[int]int{64: 200, 65: 413} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/body", strings.NewReader(`{"name":"`+strings.Repeat("x", size-11)+`"}`))
		r.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(w, r)
		require.Equal(t, want, w.Code, size)
	}
}

func TestMiddleware_BoundsTheTime_ButNotOfStreams(t *testing.T) {
	t.Parallel()
	c := config()
	c.RequestTimeout = time.Millisecond
	h, _ := served(t, c, prometheus.NewRegistry())
	require.Equal(t, 503, call(h, "GET", "/slow", nil).Code)
	require.Equal(t, "false\n", call(h, "GET", "/stream", nil).Body.String())
}

func TestMiddleware_RefusesWhatExceedsTheSlots(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxInFlight = 1
	entered, leave := make(chan bool), make(chan bool)
	h := httpserver.Middleware(httpserver.Options{Config: c, Log: quiet, Registry: prometheus.NewRegistry()})(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			entered <- true
			<-leave
		}))
	done := make(chan bool)
	go func() {
		call(h, "GET", "/", nil)
		close(done)
	}()
	<-entered
	w := call(h, "GET", "/", nil)
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	leave <- true
	<-done
}

func TestMiddleware_LimitsEachCallerOnTheirOwn(t *testing.T) {
	t.Parallel()
	c := config()
	c.RateLimit, c.RateBurst = 1, 2
	h, _ := served(t, c, prometheus.NewRegistry())
	alice, bob := http.Header{"Authorization": {"Bearer a"}}, http.Header{"Authorization": {"Bearer b"}}
	require.Equal(t, "1", call(h, "GET", "/things/1", alice).Header().Get("RateLimit-Remaining"))
	require.Equal(t, 200, call(h, "GET", "/things/1", alice).Code)
	w := call(h, "GET", "/things/1", alice)
	require.Equal(t, 429, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, "2", w.Header().Get("RateLimit-Limit"))
	require.Equal(t, 200, call(h, "GET", "/things/1", bob).Code)
	require.Equal(t, 200, call(h, "GET", "/things/1", nil).Code, "by address")
}

func TestConfig_ClientAddr_BelievesOnlyTrustedProxies(t *testing.T) {
	t.Parallel()
	c := config()
	c.TrustedProxies = []string{"10.0.0.0/8", "127.0.0.1/32"}
	for _, x := range []struct{ remote, forwarded, want string }{
		{"203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		{"127.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		{"127.0.0.1:1", "198.51.100.1, 10.1.1.1", "198.51.100.1"},
		{"127.0.0.1:1", "6.6.6.6, 198.51.100.1, 10.1.1.1", "198.51.100.1"},
		{"127.0.0.1:1", "garbage", "127.0.0.1"},
		{"127.0.0.1:1", "", "127.0.0.1"},
		{"@", "", "@"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = x.remote
		r.Header.Set("X-Forwarded-For", x.forwarded)
		require.Equal(t, x.want, c.ClientAddr(r), x)
	}
}

func TestMiddleware_LetsOnlyAllowedOriginsRead(t *testing.T) {
	t.Parallel()
	c := config()
	c.AllowedOrigins = []string{"https://app.example"}
	h, _ := served(t, c, prometheus.NewRegistry())
	for _, origin := range []string{"https://evil.example", "null", "http://app.example", "https://app.example.evil", "https://x.app.example"} {
		w := call(h, "GET", "/things/1", http.Header{"Origin": {origin}})
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), origin)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"))
	}
	good := http.Header{"Origin": {"https://app.example"}}
	require.Equal(t, "https://app.example", call(h, "GET", "/things/1", good).Header().Get("Access-Control-Allow-Origin"))
	good.Set("Access-Control-Request-Method", "POST")
	w := call(h, "OPTIONS", "/things/1", good)
	require.Equal(t, 204, w.Code)
	require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Idempotency-Key")
}

func TestConfig_Validate_NamesEveryMistake(t *testing.T) {
	t.Parallel()
	require.NoError(t, config().Validate())
	err := httpserver.Config{RateLimit: -1, DrainDelay: -1, TrustedProxies: []string{"x"}}.Validate()
	for _, name := range []string{"BODY_LIMIT", "REQUEST_TIMEOUT", "MAX_IN_FLIGHT", "SHUTDOWN_GRACE", "RATE_LIMIT", "DRAIN_DELAY", "TRUSTED_PROXIES"} {
		require.ErrorContains(t, err, name)
	}
}
