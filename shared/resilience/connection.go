package resilience

import (
	"net/http/httptrace"
	"sync/atomic"
)

// connection watches a try look for one. A request is written to a connection only, and a TLS
// connection counts from the end of its handshake on, so a try that looked for one in vain sent
// nothing. The hooks may run in goroutines of the transport's.
type connection struct{ sought, had atomic.Bool }

func (c *connection) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { c.sought.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { c.had.Store(true) },
	}
}

// missed tells that there surely was none. It stays false for a transport that does not tell that
// it looked for one, since nothing is known of what that did.
func (c *connection) missed() bool { return c.sought.Load() && !c.had.Load() }
