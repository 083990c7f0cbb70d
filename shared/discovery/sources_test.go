package discovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/micropay/micropay/shared/discovery"
)

func TestStatic_IsTheListItWasGiven(t *testing.T) {
	t.Parallel()
	got, err := discovery.Static{}.Instances(t.Context(), "10.0.0.1:8001,auth:80,[fd00::1]:1")
	require.NoError(t, err)
	require.Equal(t, []discovery.Instance{{"10.0.0.1", 8001}, {"auth", 80}, {"fd00::1", 1}}, got)
	require.Equal(t, "[fd00::1]:1", got[2].String())
	for _, service := range []string{"", "auth", "auth:0", "auth:x", "auth:1,"} {
		_, err := discovery.Static{}.Instances(t.Context(), service)
		require.Error(t, err, service)
	}
}

func TestDNS_EveryAddressIsAnInstance(t *testing.T) {
	t.Parallel()
	server := newNameserver(t)
	server.set(func() { server.hosts["auth.pay.svc"] = []string{"10.0.0.2", "10.0.0.1", "fd00::1", "10.0.0.1"} })
	dns := discovery.DNS{Resolver: server.resolver()}
	got, err := dns.Instances(t.Context(), "auth.pay.svc:8001")
	require.NoError(t, err)
	require.ElementsMatch(t, []discovery.Instance{{"10.0.0.1", 8001}, {"10.0.0.2", 8001}, {"fd00::1", 8001}}, got)
	_, err = dns.Instances(t.Context(), "auth.pay.svc")
	require.Error(t, err)
}

func TestDNS_NoneIsAnAnswerAndAFailureIsNot(t *testing.T) {
	t.Parallel()
	server := newNameserver(t)
	server.set(func() { server.hosts["empty.pay.svc"] = nil }) // there, but nobody is ready
	server.set(func() { server.srv["_http._tcp.empty.pay.svc"] = nil })
	dns, srv := discovery.DNS{Resolver: server.resolver()}, discovery.SRV{Resolver: server.resolver()}
	for _, name := range []string{"empty.pay.svc.", "unknown.pay.svc."} {
		_, err := dns.Instances(t.Context(), name+":8001")
		require.ErrorIs(t, err, discovery.ErrNoInstances, name)
		_, err = srv.Instances(t.Context(), "_http._tcp."+name)
		require.ErrorIs(t, err, discovery.ErrNoInstances, name)
	}
	server.set(func() { server.broken = true })
	_, err := dns.Instances(t.Context(), "empty.pay.svc.:8001")
	require.Error(t, err)
	require.NotErrorIs(t, err, discovery.ErrNoInstances)
	_, err = srv.Instances(t.Context(), "_http._tcp.empty.pay.svc.")
	require.Error(t, err)
	require.NotErrorIs(t, err, discovery.ErrNoInstances)
}

func TestSRV_TheRecordsNameHostsAndPorts(t *testing.T) {
	t.Parallel()
	server := newNameserver(t)
	server.set(func() {
		server.srv["_http._tcp.auth.pay.svc"] = []dnsmessage.SRVResource{
			srv("b.auth.pay.svc", 8001, 0), srv("a.auth.pay.svc", 9001, 0), srv("spare.auth.pay.svc", 8001, 10), srv("a.auth.pay.svc", 9001, 0),
		}
	})
	dns := discovery.SRV{Resolver: server.resolver()}
	got, err := dns.Instances(t.Context(), "_http._tcp.auth.pay.svc")
	require.NoError(t, err)
	require.ElementsMatch(t, []discovery.Instance{{"a.auth.pay.svc", 9001}, {"b.auth.pay.svc", 8001}}, got, "the spare one is of a lower priority")
	_, err = dns.Instances(t.Context(), "auth.pay.svc")
	require.Error(t, err)
	server.set(func() { server.srv["_http._tcp.auth.pay.svc"] = []dnsmessage.SRVResource{srv("", 0, 0)} })
	_, err = dns.Instances(t.Context(), "_http._tcp.auth.pay.svc")
	require.ErrorIs(t, err, discovery.ErrNoInstances, "the service is decidedly not there (RFC 2782)")
}
