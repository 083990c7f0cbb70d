package discovery_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/discovery"
	"github.com/micropay/micropay/shared/resilience"
)

// The whole client on real sockets: an instance that dies amid calls costs none of those that may
// be repeated, and does not open the breaker.
func TestClient_InstanceDiesUnderLoad_CostsNoCall(t *testing.T) {
	t.Parallel()
	var answered [2]atomic.Int64
	var servers [2]*httptest.Server
	for n := range servers {
		servers[n] = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { answered[n].Add(1) }))
		t.Cleanup(servers[n].Close)
	}
	a, err := discovery.Parse(servers[0].URL + "," + servers[1].URL)
	require.NoError(t, err)
	instances, err := a.Transport(t.Context(), discovery.Options{Name: "auth"})
	require.NoError(t, err)
	client := resilience.New(resilience.Config{Name: "auth", Transport: instances})
	kill := sync.OnceFunc(func() {
		servers[0].Listener.Close() //nolint:errcheck // the test is of what follows
		servers[0].CloseClientConnections()
	})
	failed := make(chan error, 1000)
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for n := range 100 {
				if n == 50 {
					kill()
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.Base(), strings.NewReader("x"))
				if err != nil {
					failed <- err
					continue
				}
				req.Header.Set("Idempotency-Key", fmt.Sprint(caller, n))
				resp, err := client.Do(req)
				if err != nil {
					failed <- err
					continue
				}
				_ = resp.Body.Close()
			}
		})
	}
	callers.Wait()
	close(failed)
	require.NoError(t, <-failed)
	require.Greater(t, answered[1].Load(), answered[0].Load())
	_, ready := client.Ready()
	require.True(t, ready)
}
