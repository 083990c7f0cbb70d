package resilience_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/resilience"
)

func TestClient_HugeHeader_IsCutOff(t *testing.T) {
	t.Parallel()
	url := raw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1024))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Long: "+strings.Repeat("x", 1<<20)+"\r\nContent-Length: 0\r\n\r\n")
		_ = c.Close()
	})
	_, err := post(t, newClient(), url)
	require.ErrorIs(t, err, resilience.ErrUnavailable, "64 KiB are more than any answer's header needs")
	require.NotErrorIs(t, err, resilience.ErrNotSent)
}
