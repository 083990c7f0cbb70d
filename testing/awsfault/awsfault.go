// Package awsfault stands between a client of AWS and a server that speaks AWS's protocols (goaws,
// moto), and misbehaves where it is told to: one action is down, hangs, is slow, throttled or
// broken, credentials expire, answers are lost after the deed, messages come more than once and
// out of order.
//
// It knows the actions of three protocols: the query protocol of SNS, the JSON of SQS, and SES v2.
package awsfault

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/micropay/micropay/testing/moto"
)

// Fault is what goes wrong with the calls of an action. The zero value is none.
type Fault struct {
	Down  bool          // the connection breaks before anything is done
	Hang  bool          // nothing is done, and no answer comes until the client leaves
	Slow  time.Duration // before anything is done
	Error Error         // the answer instead; nothing is done
	Lost  bool          // all is done, and the connection breaks before the answer
	// Again is how often a message that was received comes once more at most, in any order and to
	// anybody who receives; 0 to so many times, by chance. ReceiveMessage only.
	Again int
	// Share of the calls that this befalls, by chance; 0 means all.
	Share float64
}

// Proxy passes calls on, each action with its fault. It is safe for concurrent use.
type Proxy struct {
	URL string

	upstream string
	client   *http.Client
	gone     chan struct{} // closed at the end, for those that hang

	mu       sync.Mutex
	faults   map[string]Fault
	calls    map[string]int
	instead  map[string]http.Handler
	observe  map[string][]func(request, answer []byte)
	received map[string]*again // by queue
}

// New is a proxy before the server at that URL, until the test ends.
func New(t testing.TB, upstream string) *Proxy {
	t.Helper()
	p := &Proxy{
		upstream: upstream, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, gone: make(chan struct{}),
		faults: map[string]Fault{}, calls: map[string]int{}, instead: map[string]http.Handler{},
		observe: map[string][]func([]byte, []byte){}, received: map[string]*again{},
	}
	s := httptest.NewServer(p)
	t.Cleanup(func() {
		close(p.gone)
		s.CloseClientConnections()
		s.Close()
		p.client.CloseIdleConnections()
	})
	p.URL = s.URL
	return p
}

// AWSConfig is what clients through it are made of.
func (p *Proxy) AWSConfig() aws.Config { return moto.ConfigOf(p.URL) }

// Set gives an action ("PublishBatch", "ReceiveMessage", "SendEmail", ...) a fault, from the next
// call on.
func (p *Proxy) Set(action string, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[action] = f
}

// Heal ends the faults of actions.
func (p *Proxy) Heal(actions ...string) {
	for _, a := range actions {
		p.Set(a, Fault{})
	}
}

// Calls is how often an action was called, failures included.
func (p *Proxy) Calls(action string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[action]
}

// Serve lets h do the calls of an action instead of the server behind.
func (p *Proxy) Serve(action string, h http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead[action] = h
}

// Observe calls f with each request of an action that was done, and its answer, before that goes
// back. Calls that were done at a time are observed one after the other.
func (p *Proxy) Observe(action string, f func(request, answer []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observe[action] = append(p.observe[action], f)
}

// action names the call and says whether it is answered in XML.
func action(r *http.Request, body []byte) (name string, isXML bool) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndexByte(target, '.')+1:], false
	}
	if strings.HasPrefix(r.URL.Path, "/v2/email/outbound-emails") {
		return "SendEmail", false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", true
	}
	return form.Get("Action"), true
}

// ServeHTTP is one call.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name, isXML := action(r, body)
	f := p.fault(name)
	if f.Slow > 0 && !p.wait(r, f.Slow) {
		return
	}
	switch {
	case f.Down:
		panic(http.ErrAbortHandler)
	case f.Hang:
		p.wait(r, time.Hour)
		return
	case f.Error.Status != 0:
		f.Error.write(w, isXML)
		return
	}
	code, header, answer := p.perform(r, name, body, f.Again)
	if code < http.StatusMultipleChoices {
		p.tell(name, body, answer)
	}
	if f.Lost || code == 0 {
		panic(http.ErrAbortHandler)
	}
	for key, values := range header {
		w.Header()[key] = values
	}
	w.WriteHeader(code)
	_, _ = w.Write(answer)
}

// fault counts a call and takes what is to befall it.
func (p *Proxy) fault(name string) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[name]++
	f := p.faults[name]
	if f.Share > 0 && rand.Float64() >= f.Share { //nolint:gosec // chance, no secret
		return Fault{}
	}
	return f
}

// wait says whether the client has stayed so long.
func (p *Proxy) wait(r *http.Request, d time.Duration) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-p.gone:
		return false
	case <-time.After(d):
		return true
	}
}

// perform does a call; code 0 means that there is no answer.
func (p *Proxy) perform(r *http.Request, name string, body []byte, most int) (code int, header http.Header, answer []byte) {
	p.mu.Lock()
	instead := p.instead[name]
	p.mu.Unlock()
	if instead != nil {
		rec := httptest.NewRecorder()
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		instead.ServeHTTP(rec, again)
		return rec.Code, rec.Header(), rec.Body.Bytes()
	}
	if most > 0 && name == "ReceiveMessage" {
		return p.receive(r, body, most)
	}
	return p.pass(r, body)
}

// pass hands a call on to the server behind.
func (p *Proxy) pass(r *http.Request, body []byte) (code int, header http.Header, answer []byte) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, p.upstream+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil
	}
	req.Header = r.Header.Clone()
	req.Header.Del("Accept-Encoding") // what is observed is to be plain
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, nil
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, nil
	}
	header = resp.Header.Clone()
	header.Del("Content-Length")
	return resp.StatusCode, header, answer
}

func (p *Proxy) tell(name string, request, answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.observe[name] {
		f(request, answer)
	}
}
