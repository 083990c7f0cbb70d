package openapi

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	faults "github.com/pb33f/libopenapi-validator/errors"
)

// Record passes requests on to h and reports to t each answer that is not as described.
func (d *Doc) Record(t T, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Helper()
		var sent bytes.Buffer
		asked := r.Clone(r.Context()) // routers and handlers may change the request
		asked.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		if r.Body != nil {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, &sent), r.Body}
		}
		tee := &teeWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(tee, r)
		asked.Body = io.NopCloser(&sent)
		if fault := d.judge(asked, tee); fault != "" {
			t.Errorf("openapi: %s %s: %s", r.Method, asked.URL.Path, fault)
		}
	})
}

// judge says what is wrong with an answer, or nothing.
func (d *Doc) judge(r *http.Request, answer *teeWriter) string {
	o := d.find(r)
	if o == nil {
		if answer.status == http.StatusNotFound || answer.status == http.StatusMethodNotAllowed {
			return ""
		}
		return fmt.Sprintf("the operation is not described and answers %d", answer.status)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	described, ok := o.responses[answer.status]
	if !ok {
		return d.judgeAnywhere(answer)
	}
	d.seen[fmt.Sprintf("%s %d", o, answer.status)] = true
	var said []string
	if described.Headers != nil {
		for name, header := range described.Headers.FromOldest() {
			if header.Required && answer.Header().Get(name) == "" {
				said = append(said, fmt.Sprintf("%d lacks the header %s", answer.status, name))
			}
		}
	}
	if (described.Content == nil || described.Content.Len() == 0) && answer.body.Len() > 0 {
		said = append(said, fmt.Sprintf("%d is described without a body and has one", answer.status))
	}
	if ok, errs := d.responses.ValidateHttpResponse(r, answer.response(r)); !ok { //nolint:bodyclose // it is kept in memory
		said = append(said, explain(errs))
	}
	if answer.status < http.StatusMultipleChoices {
		if ok, errs := d.requests.ValidateHttpRequestSync(r); !ok {
			said = append(said, "accepted, though by the document: "+explain(errs))
		}
	}
	return strings.Join(said, "; ")
}

func (d *Doc) judgeAnywhere(answer *teeWriter) string {
	if !slices.Contains(d.anywhere, answer.status) {
		return fmt.Sprintf("%d is not described: %s", answer.status, answer.body.String())
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header().Get("Content-Type")); kind != "application/problem+json" {
		return fmt.Sprintf("%d is %q, not application/problem+json", answer.status, kind)
	}
	return ""
}

func explain(errs []*faults.ValidationError) string {
	var said []string
	for _, e := range errs {
		line := e.Message + ": " + e.Reason
		for _, f := range e.SchemaValidationErrors {
			line += fmt.Sprintf(" [%s: %s]", f.FieldPath, f.Reason)
		}
		said = append(said, line)
	}
	return strings.Join(said, "; ")
}

// teeWriter keeps what is answered.
type teeWriter struct {
	http.ResponseWriter
	status int
	begun  bool
	body   bytes.Buffer
}

func (w *teeWriter) WriteHeader(status int) {
	if !w.begun && status >= http.StatusOK {
		w.begun, w.status = true, status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *teeWriter) Write(p []byte) (int, error) {
	w.begun = true
	w.body.Write(p)
	return w.ResponseWriter.Write(p)
}

// Flush sends the header, if nothing else did before.
func (w *teeWriter) Flush() {
	w.begun = true
	_ = http.NewResponseController(w.ResponseWriter).Flush() // what cannot flush sends at the end
}

// Unwrap lets http.ResponseController reach the connection.
func (w *teeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *teeWriter) response(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: w.status, Header: w.Header(), Request: r,
		Body: io.NopCloser(bytes.NewReader(w.body.Bytes())),
	}
}
