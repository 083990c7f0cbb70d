package pspsim

import (
	"compress/gzip"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"
)

// Fault is a way to misbehave.
type Fault string

// What a provider, or the network before it, may do to a call. Those with "after" in their name
// do what is asked before they fail.
const (
	None              Fault = ""
	HangBefore        Fault = "hang before"  // no answer, ever; nothing was done
	HangAfter         Fault = "hang after"   // no answer, ever; it was done
	Drip              Fault = "drip"         // the right answer, a byte every 100 ms
	ResetBefore       Fault = "reset before" // the connection breaks, nothing was done
	ResetAfter        Fault = "reset after"  // the connection breaks, it was done
	Error500Before    Fault = "500 before"   //
	Error500After     Fault = "500 after"    // it was done all the same
	Error502          Fault = "502"          //
	Error503          Fault = "503"          //
	RateLimited       Fault = "429"          // with Retry-After: 1
	Garbage           Fault = "garbage"      // 200 and no JSON; it was done
	HTML              Fault = "html"         // 200 and a page; it was done
	Empty             Fault = "empty"        // 200 and nothing; it was done
	Truncated         Fault = "truncated"    // 200 and half of the JSON; it was done
	WrongLength       Fault = "wrong length" // a Content-Length that is not reached; it was done
	UnknownStatus     Fault = "unknown status"
	WrongAmount       Fault = "wrong amount" // the answer speaks of another amount; it was done
	BadRequest        Fault = "400"
	Unauthorized      Fault = "401"
	Conflict          Fault = "409"
	Declined          Fault = "decline"
	EndlessBody       Fault = "endless body" // it was done
	GzipBomb          Fault = "gzip bomb"    // it was done
	DeepJSON          Fault = "deep json"    // it was done
	RedirectElsewhere Fault = "redirect"     // 307 to another host
)

// Faults lists them all, for tests that range over them.
func Faults() []Fault {
	return []Fault{
		HangBefore, HangAfter, Drip, ResetBefore, ResetAfter, Error500Before, Error500After, Error502, Error503, RateLimited,
		Garbage, HTML, Empty, Truncated, WrongLength, UnknownStatus, WrongAmount, BadRequest, Unauthorized, Conflict, Declined,
		EndlessBody, GzipBomb, DeepJSON, RedirectElsewhere,
	}
}

// Acts reports whether what is asked is done although the call fails.
func (f Fault) Acts() bool {
	return !slices.Contains([]Fault{
		HangBefore, ResetBefore, Error500Before, Error502, Error503, RateLimited, BadRequest, Unauthorized, Conflict, Declined, RedirectElsewhere,
	}, f)
}

type plan struct {
	fault Fault
	left  int // below 0: for ever
	match func(*http.Request) bool
}

// Fault makes the next n calls that match misbehave; below 0: all of them, until Heal. A nil match
// is any call but for a token or the verification of a webhook.
func (s *Side) Fault(f Fault, n int, match func(*http.Request) bool) {
	if match == nil {
		match = func(r *http.Request) bool {
			return r.URL.Path != tokenPath && r.URL.Path != verifyPath
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = append(s.planned, &plan{f, n, match})
}

// Heal ends all faults.
func (s *Side) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = nil
}

// take returns the fault planned for a call.
func (s *Side) take(r *http.Request) plan {
	for _, p := range s.planned {
		if p.left != 0 && p.match(r) {
			p.left--
			return *p
		}
	}
	return plan{}
}

// Post matches calls that change something.
func Post(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path != tokenPath && r.URL.Path != verifyPath
}

// misbehave answers with what was done (nil: nothing was), or does not.
func (s *Side) misbehave(w http.ResponseWriter, r *http.Request, p plan, done *httptest.ResponseRecorder) {
	say := func(status int, body string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	switch p.fault {
	case None:
		copyAnswer(w, done)
	case HangBefore, HangAfter:
		s.pause(r, time.Hour)
		reset(w)
	case ResetBefore, ResetAfter:
		reset(w)
	case Drip:
		s.drip(w, r, done)
	case Error500Before, Error500After:
		say(http.StatusInternalServerError, `{"error":{"type":"api_error","message":"boom"},"name":"INTERNAL_SERVER_ERROR"}`)
	case Error502:
		say(http.StatusBadGateway, "<html>bad gateway</html>")
	case Error503:
		say(http.StatusServiceUnavailable, `{"error":{"type":"api_error","message":"away"},"name":"SERVICE_UNAVAILABLE"}`)
	case RateLimited:
		w.Header().Set("Retry-After", "1")
		say(http.StatusTooManyRequests, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"slow down"},"name":"RATE_LIMIT_REACHED"}`)
	case Garbage:
		say(http.StatusOK, "\x00\x01 not json")
	case HTML:
		say(http.StatusOK, "<html><body>We are improving our service</body></html>")
	case Empty:
		say(http.StatusOK, "")
	case Truncated:
		say(done.Code, done.Body.String()[:done.Body.Len()/2])
	case WrongLength:
		w.Header().Set("Content-Length", strconv.Itoa(done.Body.Len()+100))
		copyAnswer(w, done)
		reset(w)
	case UnknownStatus, WrongAmount:
		say(done.Code, rewritten(done.Body.Bytes(), p.fault))
	case BadRequest:
		say(http.StatusBadRequest, `{"error":{"type":"invalid_request_error","code":"parameter_invalid","message":"no"},"name":"INVALID_REQUEST","details":[{"issue":"INVALID_PARAMETER_VALUE"}]}`)
	case Unauthorized:
		say(http.StatusUnauthorized, `{"error":{"type":"invalid_request_error","message":"who are you"},"name":"AUTHENTICATION_FAILURE"}`)
	case Conflict:
		say(http.StatusConflict, `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"another"},"name":"RESOURCE_CONFLICT"}`)
	case Declined:
		s.sayDeclined(say)
	case EndlessBody:
		s.endless(w, r, false)
	case GzipBomb:
		s.endless(w, r, true)
	case DeepJSON:
		say(http.StatusOK, deepJSON)
	case RedirectElsewhere:
		w.Header().Set("Location", "http://127.0.0.1:1/")
		say(http.StatusTemporaryRedirect, "")
	}
}

func (s *Side) sayDeclined(say func(int, string)) {
	if s.name == "stripe" {
		say(http.StatusPaymentRequired, `{"error":{"type":"card_error","code":"card_declined","decline_code":"generic_decline","message":"declined"}}`)
		return
	}
	say(http.StatusUnprocessableEntity, `{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"INSTRUMENT_DECLINED"}]}`)
}

func copyAnswer(w http.ResponseWriter, done *httptest.ResponseRecorder) {
	for name, values := range done.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(done.Code)
	_, _ = w.Write(done.Body.Bytes())
}

// pause waits until the client has left, the side is closed or d has passed.
func (s *Side) pause(r *http.Request, d time.Duration) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-s.quit:
		return false
	case <-time.After(d):
		return true
	}
}

func (s *Side) drip(w http.ResponseWriter, r *http.Request, done *httptest.ResponseRecorder) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(done.Code)
	for _, b := range done.Body.Bytes() {
		if _, err := w.Write([]byte{b}); err != nil || http.NewResponseController(w).Flush() != nil || !s.pause(r, 100*time.Millisecond) {
			return
		}
	}
}

// endless writes until the reader has had enough: 10 GiB, plain or packed.
func (s *Side) endless(w http.ResponseWriter, r *http.Request, packed bool) {
	w.Header().Set("Content-Type", "application/json")
	block := make([]byte, 1<<20)
	write := w.Write
	if packed {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer func() { _ = z.Close() }()
		write = z.Write
	}
	for range 10 << 10 {
		if _, err := write(block); err != nil || r.Context().Err() != nil {
			return
		}
	}
}

// reset ends the connection as a crash does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

var deepJSON = func() string {
	deep := make([]byte, 200_000)
	for i := range deep {
		deep[i] = '['
	}
	return string(deep)
}()

// rewritten is an answer in which every status, or every amount, is another one.
func rewritten(body []byte, f Fault) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return string(body)
	}
	out, _ := json.Marshal(rewrite(v, f))
	return string(out)
}

func rewrite(v any, f Fault) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			_, isText := member.(string)
			switch {
			case f == UnknownStatus && (name == "status" || name == "transaction_status" || name == "batch_status") && isText:
				v[name] = "no_such_status"
			case f == UnknownStatus && name == "amount_reversed":
				v[name] = -1
			case f == WrongAmount && (name == "amount" || name == "amount_received") && !isObject(member):
				v[name] = 1
			case f == WrongAmount && name == "value":
				v[name] = "0.01"
			default:
				v[name] = rewrite(member, f)
			}
		}
	case []any:
		for i := range v {
			v[i] = rewrite(v[i], f)
		}
	}
	return v
}

func isObject(v any) bool { _, is := v.(map[string]any); return is }
