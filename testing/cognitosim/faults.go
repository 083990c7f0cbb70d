package cognitosim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// Fault is what goes wrong with one call.
type Fault struct {
	Type    string        // an exception instead of an answer, "" for none
	Message string        // of the exception
	Status  int           // default 400
	Delay   time.Duration // before anything happens
	Lost    bool          // the deed is done, and the connection breaks before the answer
	Refused bool          // the connection breaks before anything is done
	Raw     string        // this answer instead of one that makes sense
}

// Next makes the next calls of an operation fail, one after the other.
func (s *Sim) Next(operation string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[operation] = append(s.faults[operation], faults...)
}

// Always makes every call of an operation fail until Heal.
func (s *Sim) Always(operation string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always[operation] = fault
}

// Heal ends the faults of an operation.
func (s *Sim) Heal(operation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.always, operation)
	delete(s.faults, operation)
}

// KeysDown takes the published keys away, or gives them back.
func (s *Sim) KeysDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keysDown = down
}

// Calls tells how often an operation was called, attempts that failed included.
func (s *Sim) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[operation]
}

// fault takes the next fault of an operation and counts the call.
func (s *Sim) fault(operation string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[operation]++
	if queue := s.faults[operation]; len(queue) > 0 {
		s.faults[operation] = queue[1:]
		return queue[0]
	}
	return s.always[operation]
}

// exception is an error in the form of JSON 1.1.
type exception struct {
	kind, message string
	status        int
}

func (e exception) write(w http.ResponseWriter) {
	status := e.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Errortype", e.kind+":")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": e.kind, "message": e.message})
}

// ServeHTTP answers the API and the address of the keys.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		s.serveKeys(w, r)
		return
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	fault := s.fault(operation)
	body, err := io.ReadAll(r.Body) // at once: only then does the server notice a client who leaves
	if err != nil {
		return
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case fault.Refused:
		panic(http.ErrAbortHandler)
	case fault.Raw != "":
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(fault.Raw))
		return
	case fault.Type != "":
		exception{fault.Type, fault.Message, fault.Status}.write(w)
		return
	}
	in := request{}
	if err := json.Unmarshal(body, &in); err != nil {
		exception{kind: "SerializationException", message: err.Error()}.write(w)
		return
	}
	answer, failed := s.perform(operation, in)
	switch {
	case fault.Lost:
		panic(http.ErrAbortHandler)
	case failed != nil:
		failed.write(w)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(answer)
	}
}
