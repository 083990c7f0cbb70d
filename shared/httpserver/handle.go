package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/micropay/micropay/shared/problem"
)

// Reply is a handler's answer: a body to be written as JSON, or a stream, or neither.
type Reply struct {
	Status int
	Header http.Header
	Body   any
	// Stream writes a body of any length; Header names its Content-Type. Its context has no
	// deadline, but each write has one, so that a slow reader is cut off.
	Stream func(ctx context.Context, w io.Writer) error
}

// HandlerFunc answers a request with a reply or an error.
type HandlerFunc func(r *http.Request) (Reply, error)

// Mapper says what a client is told about an error; nil means that nobody foresaw it.
type Mapper func(error) *problem.Problem

// Handle makes h a handler whose errors become problems: a *problem.Problem as it is, what m
// knows as m says, a passed deadline 503, and anything else 500 with the error only logged.
func Handle(m Mapper, log *slog.Logger, h HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, err := h(r)
		if err == nil {
			err = send(w, r, reply)
		}
		if err != nil {
			problem.Write(w, problemOf(r, m, log, err))
		}
	})
}

func problemOf(r *http.Request, m Mapper, log *slog.Logger, err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	if p = m(err); p != nil {
		if p.Status >= http.StatusInternalServerError {
			log.WarnContext(r.Context(), "request not served", "error", err.Error())
		}
		return p
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		p = problem.New(http.StatusServiceUnavailable, "timeout", "the answer took too long; the outcome is unknown, repeat the request")
		p.RetryAfter = time.Second
		return p
	}
	log.ErrorContext(r.Context(), "unforeseen error", "error", err.Error())
	return problem.New(http.StatusInternalServerError, "internal", "something went wrong on our side")
}

// send writes the reply. An error is one that came before anything was written; a stream that
// breaks off later ends the connection, so that nobody takes the part for the whole.
func send(w http.ResponseWriter, r *http.Request, reply Reply) error {
	switch {
	case reply.Stream != nil:
		s := &stream{w: w, reply: reply, control: http.NewResponseController(w)}
		err := reply.Stream(unbounded(r.Context()), s)
		if err != nil && s.begun {
			panic(http.ErrAbortHandler)
		}
		if err == nil && !s.begun {
			s.begin()
		}
		return err
	case reply.Body == nil:
		copyHeader(w, reply)
		w.WriteHeader(reply.Status)
		return nil
	}
	body, err := json.Marshal(reply.Body)
	if err != nil {
		return err
	}
	copyHeader(w, reply)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(reply.Status)
	_, _ = w.Write(append(body, '\n')) // a client that left does not hear it
	return nil
}

func copyHeader(w http.ResponseWriter, reply Reply) {
	for name, values := range reply.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
}

// writePatience is how long a reader may take for one write of a stream.
const writePatience = 20 * time.Second

// stream sends status and headers with the first byte, so that an error before it can still
// become a problem.
type stream struct {
	w       http.ResponseWriter
	reply   Reply
	control *http.ResponseController
	begun   bool
}

func (s *stream) begin() {
	copyHeader(s.w, s.reply)
	s.w.WriteHeader(s.reply.Status)
	s.begun = true
}

func (s *stream) Write(p []byte) (int, error) {
	if !s.begun {
		s.begin()
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writePatience)) // recorders cannot
	return s.w.Write(p)
}
