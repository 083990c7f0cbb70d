package discovery_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/micropay/micropay/shared/discovery"
)

func contextWithin(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

func transport(t *testing.T, address string, o discovery.Options) (discovery.Address, http.RoundTripper) {
	t.Helper()
	a, err := discovery.Parse(address)
	require.NoError(t, err)
	o.Name = "auth"
	rt, err := a.Transport(t.Context(), o)
	require.NoError(t, err)
	return a, rt
}

func TestAddress_OneHost_HasNothingBetween(t *testing.T) {
	t.Parallel()
	f := &fleet{}
	_, rt := transport(t, "http://auth:8001", discovery.Options{Base: f})
	require.Same(t, f, rt, "nothing to choose costs nothing")
	_, rt = transport(t, "http://auth:8001", discovery.Options{})
	require.IsType(t, &http.Transport{}, rt)
}

func TestAddress_EachSource_LeadsToTheInstances(t *testing.T) {
	t.Parallel()
	hosts := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host }))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	port, err := strconv.Atoi(host[len("127.0.0.1:"):])
	require.NoError(t, err)
	names := newNameserver(t)
	names.set(func() { names.hosts["auth.pay.svc"] = []string{"127.0.0.1"} })
	names.set(func() {
		names.srv["_http._tcp.auth.pay.svc"] = []dnsmessage.SRVResource{srv("localhost", uint16(port), 0)}
	})
	d := newCloudMapDouble(t)
	d.arrange(t, "pay", "auth", registered{map[string]string{"AWS_INSTANCE_IPV4": "127.0.0.1", "AWS_INSTANCE_PORT": strconv.Itoa(port)}, false})
	o := discovery.Options{
		Resolver: names.resolver(), AWS: func(context.Context) (aws.Config, error) { return d.config(), nil },
	}
	for address, want := range map[string]string{
		"http://127.0.0.1:1," + server.URL:         host,
		"dns://auth.pay.svc:" + strconv.Itoa(port): "auth.pay.svc:" + strconv.Itoa(port),
		"dns+srv://_http._tcp.auth.pay.svc":        "auth.pay.svc",
		"cloudmap://pay/auth":                      "auth.pay",
	} {
		a, rt := transport(t, address, o)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.Base()+"/x", nil)
		require.NoError(t, err)
		resp, err := rt.RoundTrip(req)
		require.NoError(t, err, address)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, <-hosts, address)
	}
}

func TestAddress_CloudMap_NeedsAWS(t *testing.T) {
	t.Parallel()
	a, err := discovery.Parse("cloudmap://pay/auth")
	require.NoError(t, err)
	broken := errors.New("no such profile")
	_, err = a.Transport(t.Context(), discovery.Options{Name: "auth", AWS: func(context.Context) (aws.Config, error) { return aws.Config{}, broken }})
	require.ErrorIs(t, err, broken)
	_, err = a.Transport(t.Context(), discovery.Options{Name: "auth", AWS: func(context.Context) (aws.Config, error) { return aws.Config{}, nil }})
	require.ErrorContains(t, err, "AWS_REGION", "not found out at the first call")
}

func TestAddress_SourceAway_IsMeasured(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	names := newNameserver(t)
	names.set(func() { names.broken = true })
	_, rt := transport(t, "dns://auth.pay.svc.:8001", discovery.Options{Resolver: names.resolver(), Registry: reg})
	_, err := send(t, rt, http.MethodGet)
	require.Error(t, err)
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
		# HELP discovery_source_failures_total How often the source of a callee's instances gave no answer.
		# TYPE discovery_source_failures_total counter
		discovery_source_failures_total{callee="auth"} 1
	`), "discovery_source_failures_total"))
}

func TestSettings_MistakesAreToldByTheirVariables(t *testing.T) {
	t.Parallel()
	err := errors.Join(discovery.Settings{}.Mistakes("AUTH_CLIENT_")...)
	for _, name := range []string{"AUTH_CLIENT_DISCOVERY_TTL: ", "AUTH_CLIENT_EJECT_AFTER: ", "AUTH_CLIENT_EJECT_FOR: "} {
		require.ErrorContains(t, err, name)
	}
	require.Empty(t, discovery.Settings{TTL: 1, EjectAfter: 1, EjectFor: 1}.Mistakes(""))
}
