package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// patience is how long a call with an unknown outcome is repeated.
const patience = time.Minute

// client calls the platform as a careful program does: when the outcome of a call is not known
// (no answer, 408, 429, a key in progress, 5xx) it repeats it with the same key and body until it is.
type client struct {
	base  string
	http  *http.Client
	token string
	tell  func(format string, args ...any)
}

// problem is an answer that says no.
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// call sends body, under a new idempotency key, and reads the answer into dst.
func (c client) call(ctx context.Context, method, path string, body, dst any) error {
	_, err := c.callWithKey(ctx, uuid.NewString(), method, path, body, dst)
	return err
}

func (c client) callWithKey(ctx context.Context, key, method, path string, body, dst any) (replayed bool, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return false, err
		}
	}
	until := time.Now().Add(patience)
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		replayed, err = c.once(ctx, key, method, path, text, dst)
		if err == nil || !unknown(err) || time.Now().After(until) || ctx.Err() != nil {
			return replayed, err
		}
		c.tell("   (%s %s: outcome unknown, asking again with the same key: %v)", method, path, err)
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func unknown(err error) bool {
	var p *problem
	if !errors.As(err, &p) {
		return true
	}
	return p.Status >= 500 || p.Status == http.StatusRequestTimeout || p.Status == http.StatusTooManyRequests ||
		p.Code == "idempotency_key_in_progress"
}

func (c client) once(ctx context.Context, key, method, path string, body []byte, dst any) (replayed bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return false, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		p := &problem{Status: resp.StatusCode}
		_ = json.Unmarshal(answer, p) // a gateway's own page is no problem+json
		return false, p
	}
	if dst != nil {
		err = json.Unmarshal(answer, dst)
	}
	return resp.Header.Get("Idempotency-Replayed") == "true", err
}
