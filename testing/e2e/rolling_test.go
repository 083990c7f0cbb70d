package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/load"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/running"
	"github.com/micropay/micropay/testing/torture"
)

// balancer goes to replicas that say they are ready, in turn, as any load balancer does.
type balancer struct {
	replicas [2]atomic.Pointer[running.Platform]
	ready    [2]atomic.Bool
	turn     atomic.Int64
}

func (b *balancer) watch(done <-chan struct{}) {
	for {
		for i := range b.replicas {
			p := b.replicas[i].Load()
			b.ready[i].Store(p != nil && ready(p.URL))
		}
		select {
		case <-done:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ready(at string) bool {
	resp, err := http.Get(at + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (b *balancer) pick(r *httputil.ProxyRequest) {
	turn := b.turn.Add(1)
	for n := range int64(len(b.replicas)) {
		i := (turn + n) % int64(len(b.replicas))
		if b.ready[i].Load() {
			u, _ := url.Parse(b.replicas[i].Load().URL)
			r.SetURL(u)
			return
		}
	}
	r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1"}) // no replica is ready: a failed request
}

// Replicas are stopped and started again one after the other, thirty times with MICROPAY_TORTURE=8, under
// load on kept connections: no request fails, and each replica ends well.
func TestReplicasRestartedInTurn_FailNoRequest(t *testing.T) {
	t.Parallel()
	restarts := 4 * torture.Times()
	server := pgtest.NewServer(t)
	start := func() *running.Platform {
		p, err := running.Start(t.Context(), program, server.AdminDSN(), "INTERNAL_TOKEN=one-for-both-replicas", "AUTH_ISSUER=http://localhost:8000",
			"RATE_LIMIT=0", "DRAIN_DELAY=2s", "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "GOCOVERDIR="+os.Getenv("MICROPAY_COVERDIR"))
		require.NoError(t, err)
		return p
	}
	b, done := &balancer{}, make(chan struct{})
	for i := range b.replicas {
		b.replicas[i].Store(start())
	}
	go b.watch(done)
	defer close(done)
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: b.pick, Transport: &http.Transport{MaxIdleConnsPerHost: 32}})
	defer front.Close()
	require.Eventually(t, func() bool { return b.ready[0].Load() && b.ready[1].Load() }, 30*time.Second, 10*time.Millisecond)

	l := &load.Load{URL: front.URL, Clients: 8, Every: 5 * time.Millisecond, Timeout: 20 * time.Second, Out: t.Output()}
	require.NoError(t, l.Prepare(t.Context()))
	l.Start(t.Context())
	for n := range restarts {
		i := n % len(b.replicas)
		sent := l.Sent()
		require.NoError(t, b.replicas[i].Load().Stop(), "it ends with 0")
		b.replicas[i].Store(start())
		require.Eventually(t, b.ready[i].Load, 30*time.Second, 10*time.Millisecond)
		require.Greater(t, l.Sent(), sent, "there was load meanwhile")
	}
	sum := l.Stop()
	t.Logf("%d restarts, %d requests, %d failed; p99 %.1f ms", restarts, sum.Sent, sum.Failed, sum.P99)
	require.Zero(t, sum.Failed)
	verdict, err := l.Verify(t.Context())
	require.NoError(t, err)
	require.Zero(t, verdict.Lost+verdict.Wrong)
	for i := range b.replicas {
		require.NoError(t, b.replicas[i].Load().Stop())
	}
}
