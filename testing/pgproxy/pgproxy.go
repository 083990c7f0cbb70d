// Package pgproxy is a line to PostgreSQL that breaks on request. It reads the protocol's
// messages as they pass, so it can break at the one place that matters most: around COMMIT.
//
//	p := pgproxy.New(t, db.DSN)
//	p.CutAfterCommit(1) // the next commit happens, and its answer is lost
//	... use p.DSN ...
//
// Nothing passes encrypted: a client that asks for TLS is told there is none.
package pgproxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy is a line, or as many lines as clients open, from DSN to one server.
type Proxy struct {
	DSN string // the target's, by way of the proxy

	target   string
	listener net.Listener
	commits  atomic.Int64
	delay    atomic.Int64
	refusing atomic.Bool

	mu       sync.Mutex
	frozen   chan struct{} // closed by Thaw; nil while lines are open
	alone    []byte        // text of statements that are a commit of their own
	plan     []fate        // of the next commits
	sessions map[*session]struct{}
}

// fate is what happens to a commit.
type fate int32

const (
	pass      fate = iota
	cutBefore      // the line breaks, the server never sees it
	cutAfter       // the server has answered, the line breaks before the client hears
	swallow        // the server has answered, the client waits for ever on an open line
)

type session struct {
	client, server net.Conn
	fate           atomic.Int32 // of the answer under way
	alone          bool         // the statement last parsed commits by itself
	executed       bool         // and runs with the next Sync
}

// New lays lines to the server of an address of the form postgres://. They end with the test.
func New(t testing.TB, targetDSN string) *Proxy {
	t.Helper()
	u, err := url.Parse(targetDSN)
	if err != nil || u.Port() == "" {
		t.Fatal("pgproxy: the target's address must be postgres://...@host:port/...")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("pgproxy: %v", err)
	}
	p := &Proxy{target: u.Host, listener: l, sessions: map[*session]struct{}{}}
	p.DSN = p.Via(targetDSN)
	t.Cleanup(func() {
		_ = l.Close()
		p.Thaw()
		p.KillAll()
	})
	go p.accept()
	return p
}

// Via is another address of the same server, say another role's, by way of the proxy.
func (p *Proxy) Via(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn
	}
	u.Host = p.listener.Addr().String()
	q := u.Query()
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return u.String()
}

// CutBeforeCommit breaks the line at each of the next n commits, before the server sees it.
func (p *Proxy) CutBeforeCommit(n int) { p.schedule(cutBefore, n) }

// CutAfterCommit lets the server do the next n commits, and breaks the line before its answer
// gets through.
func (p *Proxy) CutAfterCommit(n int) { p.schedule(cutAfter, n) }

// SwallowCommit lets the server do the next n commits and keeps its answer; the line stays open.
func (p *Proxy) SwallowCommit(n int) { p.schedule(swallow, n) }

// PassCommit lets the next n commits through, before what is scheduled after it.
func (p *Proxy) PassCommit(n int) { p.schedule(pass, n) }

func (p *Proxy) schedule(f fate, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range n {
		p.plan = append(p.plan, f)
	}
}

// CountAsCommit makes a commit of every prepared statement whose text contains this: one that is
// run outside a transaction commits by itself.
func (p *Proxy) CountAsCommit(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alone = []byte(text)
}

// Commits is how many commits have come from clients.
func (p *Proxy) Commits() int { return int(p.commits.Load()) }

// Delay makes every message from a client late by d.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Refuse closes new lines at once, as a server that is gone; Refuse(false) ends it.
func (p *Proxy) Refuse(yes bool) { p.refusing.Store(yes) }

// Freeze lets nothing pass, in either direction, on lines that stay open.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

// Thaw delivers what Freeze held back.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}

// KillAll breaks all lines there are.
func (p *Proxy) KillAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		s.close()
	}
}

// Open is how many lines there are.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}

func (s *session) close() {
	_ = s.client.Close()
	_ = s.server.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.refusing.Load() {
			_ = client.Close()
			continue
		}
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		_ = client.Close()
		return
	}
	s := &session{client: client, server: server}
	p.mu.Lock()
	p.sessions[s] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { defer s.close(); _ = p.fromClient(s) })
	both.Go(func() { defer s.close(); _ = p.fromServer(s) })
	both.Wait()
	p.mu.Lock()
	delete(p.sessions, s)
	p.mu.Unlock()
}

// gate waits while the lines are frozen.
func (p *Proxy) gate() {
	for {
		p.mu.Lock()
		frozen := p.frozen
		p.mu.Unlock()
		if frozen == nil {
			return
		}
		<-frozen
	}
}

var errCut = errors.New("cut on request")

func (p *Proxy) fromClient(s *session) error {
	r := bufio.NewReader(s.client)
	if err := p.startup(s, r); err != nil {
		return err
	}
	for {
		message, err := read(r, 1)
		if err != nil {
			return err
		}
		time.Sleep(time.Duration(p.delay.Load()))
		p.gate()
		if isCommit(message) || p.commitsAlone(s, message) {
			f := p.next()
			if f == cutBefore {
				return errCut
			}
			s.fate.Store(int32(f))
		}
		if _, err := s.server.Write(message); err != nil {
			return err
		}
	}
}

// Codes in the place of a protocol version.
const (
	sslRequest = 80877103
	gssRequest = 80877104
)

// startup passes the untyped first message, after saying no to requests for encryption.
func (p *Proxy) startup(s *session, r *bufio.Reader) error {
	for {
		message, err := read(r, 0)
		if err != nil {
			return err
		}
		if len(message) < 8 {
			return errors.New("start-up message too short")
		}
		p.gate()
		if code := binary.BigEndian.Uint32(message[4:8]); code == sslRequest || code == gssRequest {
			if _, err := s.client.Write([]byte("N")); err != nil {
				return err
			}
			continue
		}
		_, err = s.server.Write(message)
		return err
	}
}

func (p *Proxy) fromServer(s *session) error {
	r := bufio.NewReader(s.server)
	for {
		message, err := read(r, 1)
		if err != nil {
			return err
		}
		p.gate()
		f := fate(s.fate.Load())
		if f == pass {
			if _, err := s.client.Write(message); err != nil {
				return err
			}
			continue
		}
		if message[0] == 'Z' { // ready for query: the commit is done
			s.fate.Store(int32(pass))
			if f == cutAfter {
				return errCut
			}
		}
	}
}

// next is the fate of a commit that has just come.
func (p *Proxy) next() fate {
	p.commits.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.plan) == 0 {
		return pass
	}
	f := p.plan[0]
	p.plan = p.plan[1:]
	return f
}

// isCommit knows a COMMIT sent as a simple query, as drivers send it.
func isCommit(message []byte) bool {
	if message[0] != 'Q' || len(message) < 5 {
		return false
	}
	text := bytes.ToUpper(bytes.TrimSpace(message[5:]))
	return bytes.HasPrefix(text, []byte("COMMIT")) || bytes.HasPrefix(text, []byte("END"))
}

// commitsAlone follows a prepared statement from Parse over Execute to the Sync that commits it.
func (p *Proxy) commitsAlone(s *session, message []byte) bool {
	switch message[0] {
	case 'P':
		p.mu.Lock()
		s.alone = p.alone != nil && bytes.Contains(message, p.alone)
		p.mu.Unlock()
	case 'E':
		s.executed = s.alone
	case 'S':
		due := s.executed
		s.executed = false
		return due
	}
	return false
}

const maxMessage = 64 << 20

// read reads a message: a type of that many bytes, the length of the rest, the rest.
func read(r io.Reader, typeLen int) ([]byte, error) {
	head := make([]byte, typeLen+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[typeLen:])
	if n < 4 || n > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	message := make([]byte, typeLen+int(n))
	copy(message, head)
	_, err := io.ReadFull(r, message[typeLen+4:])
	return message, err
}
