package discovery_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// nameserver is a real one on a loopback port, which knows what a test tells it.
type nameserver struct {
	conn net.PacketConn

	mu     sync.Mutex
	hosts  map[string][]string // A and AAAA
	srv    map[string][]dnsmessage.SRVResource
	broken bool
}

func newNameserver(t *testing.T) *nameserver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	s := &nameserver{conn: conn, hosts: map[string][]string{}, srv: map[string][]dnsmessage.SRVResource{}}
	go s.serve()
	return s
}

// resolver asks this nameserver only.
func (s *nameserver) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

func (s *nameserver) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *nameserver) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) == nil && len(m.Questions) == 1 {
			if answer, err := s.answer(m).Pack(); err == nil {
				_, _ = s.conn.WriteTo(answer, from)
			}
		}
	}
}

func (s *nameserver) answer(asked dnsmessage.Message) *dnsmessage.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := asked.Questions[0]
	m := &dnsmessage.Message{
		Header:    dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true, RCode: dnsmessage.RCodeNameError},
		Questions: asked.Questions,
	}
	if s.broken {
		m.RCode = dnsmessage.RCodeServerFailure
		return m
	}
	add := func(t dnsmessage.Type, body dnsmessage.ResourceBody) {
		if t == q.Type {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: t, Class: q.Class, TTL: 5}, Body: body})
		}
	}
	name := strings.TrimSuffix(q.Name.String(), ".")
	if addresses, known := s.hosts[name]; known {
		m.RCode = dnsmessage.RCodeSuccess
		for _, raw := range addresses {
			if ip := netip.MustParseAddr(raw); ip.Is4() {
				add(dnsmessage.TypeA, &dnsmessage.AResource{A: ip.As4()})
			} else {
				add(dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: ip.As16()})
			}
		}
	}
	if records, known := s.srv[name]; known {
		m.RCode = dnsmessage.RCodeSuccess
		for _, r := range records {
			add(dnsmessage.TypeSRV, &r)
		}
	}
	return m
}

func srv(target string, port, priority uint16) dnsmessage.SRVResource {
	return dnsmessage.SRVResource{Target: dnsmessage.MustNewName(target + "."), Port: port, Priority: priority}
}
