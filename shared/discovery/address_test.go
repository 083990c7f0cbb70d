package discovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/discovery"
)

func TestParse_SaysWhereAServiceIsLookedFor(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct {
		scheme, service, base string
	}{
		"http://auth:8001":                               {"static", "auth:8001", "http://auth:8001"},
		"http://auth:8001/prefix/":                       {"static", "auth:8001", "http://auth:8001/prefix"},
		"https://auth.pay.example":                       {"static", "auth.pay.example:443", "https://auth.pay.example"},
		"http://auth":                                    {"static", "auth:80", "http://auth"},
		"http://10.0.0.1:8001, http://[fd00::2]:8001":    {"static", "10.0.0.1:8001,[fd00::2]:8001", "http://10.0.0.1:8001"},
		"dns://auth-headless.pay.svc.cluster.local:8001": {"dns", "auth-headless.pay.svc.cluster.local:8001", "http://auth-headless.pay.svc.cluster.local:8001"},
		"dns+srv://_internal._tcp.auth.pay.svc":          {"dns+srv", "_internal._tcp.auth.pay.svc", "http://auth.pay.svc"},
		"cloudmap://pay.internal/auth":                   {"cloudmap", "pay.internal/auth", "http://auth.pay.internal"},
		"cloudmap://pay.internal/auth?port=8001":         {"cloudmap", "pay.internal/auth?port=8001", "http://auth.pay.internal"},
	} {
		got, err := discovery.Parse(address)
		require.NoError(t, err, address)
		require.Equal(t, want.scheme, got.Scheme(), address)
		require.Equal(t, want.service, got.Service(), address)
		require.Equal(t, want.base, got.Base(), address)
	}
}

func TestParse_RefusesWhatNamesNoService(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "auth:8001", "ftp://auth", "http://", "http://user:hunter2@auth", "http://auth?hunter2", "http://auth#hunter2", "http://auth:0", "http://auth:65536",
		"http://a:1,https://b:1", "http://a:1,", ",http://a:1", "http://a:1/x,http://b:1", "http://a:1,dns://b:1", "http://a:1,http://a:1",
		"dns://auth", "dns://:8001", "dns://auth:8001/x", "dns://auth:http", "dns://auth:8001?x=1", "dns://10.0.0.1:8001x",
		"dns+srv://auth", "dns+srv://_http.auth", "dns+srv://_http._tcp", "dns+srv://_http._tcp.auth:8001", "dns+srv://_http._udp.auth", "dns+srv://_http._tcp.auth/x",
		"cloudmap://pay", "cloudmap:///auth", "cloudmap://pay/", "cloudmap://pay/auth/x", "cloudmap://pay/auth?port=0", "cloudmap://pay/auth?prot=1",
		"cloudmap://pay:1/auth", "cloudmap://pay/auth?port=1&port=2", "cloudmap://pay/auth?port=", "http://a b:1", "dns://a b:1", "dns://a..b:1",
	} {
		_, err := discovery.Parse(address)
		require.Error(t, err, address)
		require.NotContains(t, err.Error(), "hunter2", "what is wrong may be a secret in the wrong place")
		require.NotContains(t, err.Error(), "\n", "a mistake is a line")
	}
}
