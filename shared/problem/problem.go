// Package problem writes error answers as RFC 9457 problem details.
//
// A Problem carries what a client may know: a status, a stable code to act on, a sentence for
// people and, for bad input, the members that are wrong. It never carries an internal message.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Field says what is wrong with one member of a request.
type Field struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Problem is an error answer. It is an error, so that a handler can return it.
type Problem struct {
	Status     int
	Code       string // stable, e.g. "insufficient_funds"; the type is made of it
	Detail     string
	Errors     []Field
	RetryAfter time.Duration // zero: no Retry-After
	Header     http.Header   // more headers, e.g. WWW-Authenticate
}

// New is a problem with a status, a stable code and a sentence for people.
func New(status int, code, detail string) *Problem {
	return &Problem{Status: status, Code: code, Detail: detail}
}

// Error returns the code, for logs.
func (p *Problem) Error() string { return p.Code }

// RequestIDHeader is the answer's header whose value is repeated in the body.
const RequestIDHeader = "X-Request-Id"

// Write answers with p. Retry-After is in whole seconds, rounded up.
func Write(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	for name, values := range p.Header {
		h[name] = values
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(struct { // a client that left does not hear it
		Type      string  `json:"type"`
		Title     string  `json:"title"`
		Status    int     `json:"status"`
		Code      string  `json:"code"`
		Detail    string  `json:"detail,omitempty"`
		RequestID string  `json:"request_id,omitempty"`
		Errors    []Field `json:"errors,omitempty"`
	}{
		"urn:micropay:problem:" + p.Code, http.StatusText(p.Status), p.Status, p.Code, p.Detail,
		h.Get(RequestIDHeader), p.Errors,
	})
}
