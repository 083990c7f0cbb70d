// Package httpevents carries events between two processes over the internal API of the one that
// consumes them: what SNS and SQS do where there is AWS.
package httpevents

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/problem"
)

// ContentType is that of a batch (CloudEvents JSON format 1.0.2, section 4).
const ContentType = "application/cloudevents-batch+json"

// mostBytes of a body, below what an internal port takes.
const mostBytes = 32 << 10

// Sink puts events into the queue of another process. It implements events.Sink.
type Sink struct {
	URL  string       // of the other's route
	HTTP *http.Client // brings timeout, retry, breaker and the service token
}

// Put implements events.Sink.
func (s Sink) Put(ctx context.Context, es []events.Event) error {
	for len(es) > 0 {
		body := []byte("[")
		n := 0
		for ; n < len(es); n++ {
			one, err := json.Marshal(es[n])
			if err != nil {
				return fmt.Errorf("event %s: %w", es[n].ID, err)
			}
			if n > 0 && len(body)+len(one) > mostBytes {
				break
			}
			if n > 0 {
				body = append(body, ',')
			}
			body = append(body, one...)
		}
		if err := s.post(ctx, es[0].ID, append(body, ']')); err != nil {
			return err
		}
		es = es[n:]
	}
	return nil
}

func (s Sink) post(ctx context.Context, key string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	req.Header.Set("Content-Type", ContentType)
	req.Header.Set("Idempotency-Key", key) // an event that comes twice is kept once: it may be retried
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("events: answered %d", resp.StatusCode)
	}
	return nil
}

// Handler puts what comes into a sink. It answers 204 when all of it is durable.
func Handler(to events.Sink) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		es, err := read(r.Body)
		if err != nil {
			problem.Write(w, problem.New(http.StatusBadRequest, "malformed_request", "not a batch of events"))
			return
		}
		if err := to.Put(r.Context(), es); err != nil {
			problem.Write(w, problem.New(http.StatusServiceUnavailable, "unavailable", "the events cannot be kept now; send them again"))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func read(body io.Reader) ([]events.Event, error) {
	var batch []json.RawMessage
	if err := json.NewDecoder(body).Decode(&batch); err != nil {
		return nil, err
	}
	es := make([]events.Event, len(batch))
	for i, one := range batch {
		var err error
		if es[i], err = events.Parse(one); err != nil {
			return nil, err
		}
	}
	return es, nil
}
