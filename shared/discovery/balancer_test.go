package discovery_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/discovery"
	"github.com/micropay/micropay/shared/resilience"
)

// fleet is instances without a network, each of which a test can have fail in its way.
type fleet struct {
	mu    sync.Mutex
	fails map[string]func() (int, error) // by host
	asked []string                       // hosts
}

var errReset = errors.New("connection reset")

// What an instance can be told to do.
func refuse() (int, error)             { return 0, errRefused }
func reset() (int, error)              { return 0, errReset }
func answer(c int) func() (int, error) { return func() (int, error) { return c, nil } }

var errRefused = errors.New("connection refused")

func (f *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.Hostname())
	status, err := http.StatusOK, r.Context().Err()
	if fail := f.fails[r.URL.Hostname()]; fail != nil && err == nil {
		status, err = fail()
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GetConn(r.URL.Host)
		if !errors.Is(err, errRefused) {
			trace.GotConn(httptrace.GotConnInfo{})
		}
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

func (f *fleet) set(host string, do func() (int, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails == nil {
		f.fails = map[string]func() (int, error){}
	}
	f.fails[host] = do
}

// counted tells how often each was asked since the last time.
func (f *fleet) counted() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := map[string]int{}
	for _, host := range f.asked {
		n[host]++
	}
	f.asked = nil
	return n
}

func instances(hosts ...string) (all []discovery.Instance) {
	for _, h := range hosts {
		all = append(all, discovery.Instance{Host: h, Port: 8001})
	}
	return all
}

func balancer(s discovery.Resolver, f *fleet, change ...func(*discovery.Options)) *discovery.Balancer {
	o := discovery.Options{Name: "auth", Base: f}
	for _, c := range change {
		c(&o)
	}
	return discovery.NewBalancer(s, "auth", o)
}

func send(t *testing.T, b http.RoundTripper, method string, change ...func(*http.Request)) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://auth.pay.svc:8001/x", strings.NewReader("body"))
	require.NoError(t, err)
	for _, c := range change {
		c(req)
	}
	resp, err := b.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func sends(t *testing.T, b http.RoundTripper, times int) (failed int) {
	t.Helper()
	for range times {
		if code, err := send(t, b, http.MethodPost); err != nil || code >= 500 {
			failed++
		}
	}
	return failed
}

func TestBalancer_TakesInstancesInTurn(t *testing.T) {
	t.Parallel()
	f, s := &fleet{}, &source{instances: instances("a", "b", "c")}
	require.Zero(t, sends(t, balancer(s, f), 9))
	require.Equal(t, map[string]int{"a": 3, "b": 3, "c": 3}, f.counted())
}

func TestBalancer_InstanceRefuses_TheNextIsAskedAndItIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, s := &fleet{}, &source{instances: instances("a", "b", "c")}
		b := balancer(s, f)
		f.set("b", refuse)
		require.Zero(t, sends(t, b, 30), "even what may not be repeated: nothing was sent")
		require.Equal(t, 1, f.counted()["b"])
		time.Sleep(10*time.Second + 1)
		require.Zero(t, sends(t, b, 30))
		require.Equal(t, 1, f.counted()["b"], "it is tried again after a while, once")
		f.set("b", nil)
		time.Sleep(10*time.Second + 1)
		require.Zero(t, sends(t, b, 30))
		require.Equal(t, map[string]int{"a": 10, "b": 10, "c": 10}, f.counted(), "it is back")
	})
}

func TestBalancer_RequestMayHaveArrived_OnlyWhatIsRepeatableGoesOn(t *testing.T) {
	t.Parallel()
	f, s := &fleet{}, &source{instances: instances("a", "b", "c")}
	for _, host := range []string{"a", "b", "c"} {
		f.set(host, reset)
	}
	_, err := send(t, balancer(s, f), http.MethodPost)
	require.ErrorIs(t, err, errReset)
	require.NotErrorIs(t, err, resilience.ErrNotSent)
	require.Len(t, f.counted(), 1)
	_, err = send(t, balancer(s, f), http.MethodGet)
	require.ErrorIs(t, err, errReset)
	require.Len(t, f.counted(), 2, "once more, not everywhere: who fails once it has a request is not helped by more")
	_, err = send(t, balancer(s, f), http.MethodPost, func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") })
	require.ErrorIs(t, err, errReset)
	require.Len(t, f.counted(), 2)
	_, err = send(t, balancer(s, f, func(o *discovery.Options) { o.KeyHeader = "Other-Key" }), http.MethodPost, func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") })
	require.ErrorIs(t, err, errReset)
	require.Len(t, f.counted(), 1)
	_, err = send(t, balancer(s, f), http.MethodGet, func(r *http.Request) { r.GetBody = nil })
	require.ErrorIs(t, err, errReset)
	require.Len(t, f.counted(), 1, "its body cannot be read again")
}

func TestBalancer_FailuresInARow_EjectForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, s := &fleet{}, &source{instances: instances("a", "b")}
		b := balancer(s, f, func(o *discovery.Options) { o.EjectAfter, o.EjectFor = 3, 30*time.Second })
		f.set("b", answer(503))
		require.Equal(t, 3, sends(t, b, 20), "an answer is an answer: it is not asked for elsewhere")
		require.Equal(t, 3, f.counted()["b"])
		time.Sleep(30*time.Second + 1)
		require.Equal(t, 1, sends(t, b, 20), "one failure more is enough")
		f.counted()
		f.set("b", answer(404))
		time.Sleep(30*time.Second + 1)
		require.Zero(t, sends(t, b, 20), "back: what it refuses is no failure")
		require.Equal(t, map[string]int{"a": 10, "b": 10}, f.counted())
		f.set("b", reset)
		require.Equal(t, 3, sends(t, b, 20), "forgiven: it takes three again")
	})
}

func TestBalancer_LastInstance_IsNeverEjected(t *testing.T) {
	t.Parallel()
	f, s := &fleet{}, &source{instances: instances("a", "b", "c")}
	b := balancer(s, f)
	for _, host := range []string{"a", "b", "c"} {
		f.set(host, refuse)
	}
	require.Equal(t, 10, sends(t, b, 10))
	require.Equal(t, map[string]int{"a": 10, "b": 10, "c": 10}, f.counted(), "with nobody left, those ejected are worth a try")
	f.set("b", nil)
	require.Zero(t, sends(t, b, 10), "one that is back is found at once")
	s2 := &source{instances: instances("a")}
	alone := balancer(s2, f)
	require.Equal(t, 3, sends(t, alone, 3))
	f.set("a", nil)
	require.Zero(t, sends(t, alone, 3))
}

func TestBalancer_NobodyThere_SentNothing(t *testing.T) {
	t.Parallel()
	s := &source{err: discovery.ErrNoInstances}
	_, err := send(t, balancer(s, &fleet{}), http.MethodPost)
	require.ErrorIs(t, err, resilience.ErrNotSent)
	require.ErrorIs(t, err, discovery.ErrNoInstances)
	s.set(func() { s.err = errAway })
	_, err = send(t, balancer(s, &fleet{}), http.MethodPost)
	require.ErrorIs(t, err, resilience.ErrNotSent)
	require.ErrorIs(t, err, errAway)
}

func TestBalancer_CallersWhoLeave_AreHeldAgainstNobody(t *testing.T) {
	t.Parallel()
	f, s := &fleet{}, &source{instances: instances("a", "b")}
	b := balancer(s, f, func(o *discovery.Options) { o.EjectAfter = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	for _, host := range []string{"a", "b"} {
		f.set(host, func() (int, error) { cancel(); return 0, context.Canceled })
	}
	_, err := send(t, b, http.MethodGet, func(r *http.Request) { *r = *r.WithContext(ctx) })
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, f.counted(), 1, "nobody waits for a second")
	f.set("a", nil)
	f.set("b", nil)
	require.Zero(t, sends(t, b, 4))
	require.Equal(t, map[string]int{"a": 2, "b": 2}, f.counted())
}

func TestBalancer_InstancesComeAndGo(t *testing.T) {
	t.Parallel()
	f, s := &fleet{}, &source{instances: instances("a", "b")}
	reg := prometheus.NewRegistry()
	b := balancer(s, f, func(o *discovery.Options) { o.Registry = reg })
	f.set("b", refuse)
	require.Zero(t, sends(t, b, 10))
	measured := func(known, ejected, ejections string) {
		t.Helper()
		require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
			# HELP discovery_ejections_total How often an instance of a callee was left alone, since it failed.
			# TYPE discovery_ejections_total counter
			discovery_ejections_total{callee="auth"} `+ejections+`
			# HELP discovery_instances Instances of a callee that are known.
			# TYPE discovery_instances gauge
			discovery_instances{callee="auth"} `+known+`
			# HELP discovery_instances_ejected Instances of a callee that are left alone for a while, since they failed.
			# TYPE discovery_instances_ejected gauge
			discovery_instances_ejected{callee="auth"} `+ejected+`
		`), "discovery_instances", "discovery_instances_ejected", "discovery_ejections_total"))
	}
	measured("2", "1", "1")
	s.set(func() { s.instances = instances("a", "c", "d") })
	f.counted()
	require.Zero(t, sends(t, b, 9))
	require.Equal(t, map[string]int{"a": 3, "c": 3, "d": 3}, f.counted())
	measured("3", "0", "1")
	s.set(func() { s.instances = instances("b") })
	f.set("b", nil)
	require.Zero(t, sends(t, b, 2), "who comes back begins anew")
	measured("1", "0", "1")
}

func TestBalancer_RealSockets_CarryBodyAndNameToTheNext(t *testing.T) {
	t.Parallel()
	seen := make(chan [2]string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, 10)
		n, _ := r.Body.Read(body)
		seen <- [2]string{r.Host, string(body[:n])}
	}))
	t.Cleanup(server.Close)
	b := discovery.NewBalancer(discovery.Static{}, "127.0.0.1:1,"+strings.TrimPrefix(server.URL, "http://"), discovery.Options{Name: "auth"})
	require.Zero(t, sends(t, b, 4))
	for range 4 {
		require.Equal(t, [2]string{"auth.pay.svc:8001", "body"}, <-seen)
	}
}
