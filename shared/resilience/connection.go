package resilience

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Connection watches a request look for one. A request is written to a connection only, and a TLS
// connection counts from the end of its handshake on, so a request that looked for one in vain
// was not sent.
type Connection struct{ sought, had atomic.Bool } // the hooks may run in goroutines of the transport's

// Watch makes a context for a request that is watched; those who watch already go on.
func Watch(ctx context.Context) (context.Context, *Connection) {
	c := &Connection{}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { c.sought.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { c.had.Store(true) },
	}), c
}

// Missed tells that there surely was none. It stays false for a transport that does not tell that
// it looked for one, since nothing is known of what that did.
func (c *Connection) Missed() bool { return c.sought.Load() && !c.had.Load() }
