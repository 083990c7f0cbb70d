package attacks_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/torture"
)

// dial is a connection that sends what it likes.
func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *world) balance(p person) (amount int) {
	w.t.Helper()
	var wallet struct{ Balance struct{ Amount int } }
	require.Equal(w.t, http.StatusOK, w.call(http.MethodGet, "/transaction/wallets/"+p.wallet, p.token, nil, &wallet))
	return wallet.Balance.Amount
}

// Headers and bodies that come a byte at a time, and answers that nobody reads: each is cut off, and
// whoever behaves does not notice.
func TestSlowClients_AreCutOff_AndNobodyElseIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "REQUEST_TIMEOUT=2s")
	p := w.join()
	auth := "Host: pay\r\nAuthorization: Bearer " + p.token + "\r\n"
	var slow sync.WaitGroup
	var cut sync.Map
	drip := func(name, first, each string) {
		for range 40 * torture.Times() {
			c := w.dial()
			slow.Go(func() {
				go func() { // what is answered does not count
					_, _ = io.Copy(io.Discard, c)
				}()
				_, err := io.WriteString(c, first)
				for until := time.Now().Add(60 * time.Second); err == nil && time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
					_, err = io.WriteString(c, each)
				}
				if err != nil {
					cut.Store(c, true)
				}
			})
		}
	}
	drip("headers", "GET /transaction/wallets HTTP/1.1\r\nX-Slow: ", "x")
	drip("bodies", "POST /transaction/transfers HTTP/1.1\r\n"+auth+"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n", " ")
	for range 40 * torture.Times() { // more is asked for than the buffers between us hold
		c := w.dial()
		_ = c.(*net.TCPConn).SetReadBuffer(1024)
		slow.Go(func() {
			_ = c.SetWriteDeadline(time.Now().Add(60 * time.Second))
			var err error
			for err == nil {
				_, err = io.WriteString(c, "GET /openapi.json HTTP/1.1\r\n"+auth+"\r\n")
			}
			if ne, timeout := err.(net.Error); !timeout || !ne.Timeout() { //nolint:errorlint // as it comes from the socket
				cut.Store(c, true)
			}
		})
	}
	ended := make(chan struct{})
	go func() { slow.Wait(); close(ended) }()
	for asked := 0; ; asked++ {
		require.Equal(t, http.StatusOK, w.call(http.MethodGet, "/transaction/wallets/"+p.wallet, p.token, nil, nil))
		select {
		case <-ended:
			n := 0
			cut.Range(func(any, any) bool { n++; return true })
			require.Equal(t, 120*torture.Times(), n, "all were cut off")
			t.Logf("%d calls were answered meanwhile", asked)
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// What two servers may read as one request or as two: whatever it is here, the second one, which a
// stranger hides in the first, moves nothing.
func TestHiddenRequests_AreNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := w.join(), w.join()
	for name, framing := range map[string]string{
		"length and chunks":       "Content-Length: %[1]d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks and length":       "Transfer-Encoding: chunked\r\nContent-Length: %[1]d\r\n\r\n0\r\n\r\n",
		"chunked twice":           "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"chunked, oddly":          "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"chunked after a tab":     "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"chunked before a space":  "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"two lengths":             "Content-Length: 0\r\nContent-Length: %[1]d\r\n\r\n",
		"a length with a sign":    "Content-Length: +0\r\n\r\n",
		"two lengths in one":      "Content-Length: 0, %[1]d\r\n\r\n",
		"a folded line":           "X-Fold: a\r\n Content-Length: 0\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"line feeds alone":        "Content-Length: 0\nTransfer-Encoding: chunked\n\n0\n\n",
		"a chunk with a bad size": "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
	} {
		hidden := fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":1,"currency":"USD"}`, ann.wallet, bob.wallet)
		second := fmt.Sprintf("POST /transaction/transfers HTTP/1.1\r\nHost: pay\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			ann.token, uuid.NewString(), len(hidden), hidden)
		c := w.dial()
		first := "POST /auth/login HTTP/1.1\r\nHost: pay\r\nContent-Type: application/json\r\n" + strings.ReplaceAll(framing, "%[1]d", fmt.Sprint(len(second)))
		_, err := io.WriteString(c, first+second)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			require.GreaterOrEqual(t, resp.StatusCode, 400, name)
			require.NoError(t, resp.Body.Close())
		}
		_, _ = io.Copy(io.Discard, c)
		require.Equal(t, start, w.balance(ann), name)
	}
}
