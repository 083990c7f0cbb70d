package database_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is a TCP line to the server that can go dead or be cut.
type line struct {
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
	dead     atomic.Bool            // swallow everything, in both directions
	cutAt    atomic.Pointer[[]byte] // cut after the server's answer to a message holding this
}

// newLine returns the address by way of the line.
func newLine(t *testing.T, dsn string) (*line, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	l := forward(t, "127.0.0.1:0", u.Host)
	return l, withHost(t, dsn, l.listener.Addr().String())
}

// forward lays a line from one address to another.
func forward(t *testing.T, from, to string) *line {
	l := &line{}
	var err error
	l.listener, err = net.Listen("tcp", from)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.listener.Close(); l.cut() })
	go func() {
		for {
			c, err := l.listener.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				_ = c.Close()
				continue
			}
			l.mu.Lock()
			l.open = append(l.open, c, s)
			l.mu.Unlock()
			var doomed atomic.Bool
			go l.copy(s, c, func(b []byte) { doomed.Store(l.isCutAt(b)) }, nil)
			go l.copy(c, s, nil, &doomed)
		}
	}()
	return l
}

func (l *line) isCutAt(b []byte) bool {
	word := l.cutAt.Load()
	return word != nil && bytes.Contains(b, *word)
}

func (l *line) copy(to io.Writer, from io.Reader, see func([]byte), doomed *atomic.Bool) {
	defer l.closeBoth(to, from)
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if l.dead.Load() {
			continue
		}
		if see != nil {
			see(b[:n])
		}
		if doomed != nil && doomed.Load() {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (l *line) closeBoth(a, b any) {
	_ = a.(net.Conn).Close()
	_ = b.(net.Conn).Close()
}

// cut ends all connections made so far.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		_ = c.Close()
	}
	l.open = nil
}
