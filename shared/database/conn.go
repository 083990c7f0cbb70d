package database

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// dialer makes the lines to the server; see conn for what they do better than plain ones.
type dialer struct {
	patience  time.Duration // for an answer; 0: for ever
	keepAlive time.Duration
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	nd := net.Dialer{KeepAlive: d.keepAlive}
	c, err := nd.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, patience: d.patience}, nil
}

// conn is a line to the server. It differs from a plain one in three ways:
//
//   - No answer is waited for longer than the statement was allowed to take, plus grace. A server
//     behind a dead line cannot enforce its timeouts, and lib/pq does not give up by itself.
//   - A line that the server has closed while it was idle is noticed before anything is written
//     to it. lib/pq then knows that nothing was sent, and database/sql takes another session.
//   - A line that closes while an answer is awaited is a network error. lib/pq would call a plain
//     end of file a bad connection, and database/sql would run the statement a second time,
//     though the first may have done its work.
type conn struct {
	net.Conn
	patience time.Duration
	deadline atomic.Pointer[time.Time] // the caller's own, during connect
}

var errClosedIdle = errors.New("the server has closed the connection")

func (c *conn) Write(b []byte) (int, error) {
	if closed(c.Conn) {
		return 0, errClosedIdle
	}
	if c.patience > 0 {
		if err := c.SetWriteDeadline(c.until()); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}

func (c *conn) Read(b []byte) (int, error) {
	if c.patience > 0 {
		if err := c.SetReadDeadline(c.until()); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(b)
	if errors.Is(err, io.EOF) {
		err = &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: io.ErrUnexpectedEOF}
	}
	return n, err
}

// until is the end of patience, or the caller's own deadline if that is sooner.
func (c *conn) until() time.Time {
	t := time.Now().Add(c.patience)
	if own := c.deadline.Load(); own != nil && !own.IsZero() && own.Before(t) {
		return *own
	}
	return t
}

func (c *conn) SetDeadline(t time.Time) error {
	c.deadline.Store(&t)
	return c.Conn.SetDeadline(t)
}
