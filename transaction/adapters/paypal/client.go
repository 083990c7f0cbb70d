package paypal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/micropay/micropay/shared/resilience"
	"github.com/micropay/micropay/transaction/ports"
)

// apiError is an answer that is none of success. PayPal's own sentences are left out.
type apiError struct {
	status  int
	Name    string `json:"name"`
	DebugID string `json:"debug_id"`
	Details []struct {
		Field string `json:"field"`
		Issue string `json:"issue"`
		Links []struct {
			Rel  string `json:"rel"`
			Href string `json:"href"`
		} `json:"link"`
	} `json:"details"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%d %s %s, debug id %s", e.status, e.Name, e.issue(), e.DebugID)
}

// issue is the most particular reason given.
func (e *apiError) issue() string {
	if len(e.Details) > 0 && e.Details[0].Issue != "" {
		return e.Details[0].Issue
	}
	return e.Name
}

// refusal returns the reason of an answer by which PayPal says no for good: nothing was done, and
// asking again would be answered alike (developer.paypal.com/api/rest/responses).
func refusal(err error) (string, bool) {
	var e *apiError
	if !errors.As(err, &e) || e.issue() == "" || e.Name == "IDEMPOTENCY_ERROR" {
		return "", false
	}
	switch e.status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound, http.StatusUnprocessableEntity:
		return e.issue(), true
	}
	return "", false
}

func isStatus(err error, status int) bool {
	var e *apiError
	return errors.As(err, &e) && e.status == status
}

// fault says what an error means for the outcome.
func fault(doing string, err error) error {
	var e *apiError
	switch {
	case err == nil, errors.Is(err, ports.ErrNotKnown):
		return err
	case errors.Is(err, resilience.ErrNotSent), errors.Is(err, errNoToken),
		errors.As(err, &e) && (e.status == http.StatusUnauthorized || e.status == http.StatusForbidden || e.status == http.StatusTooManyRequests):
		return fmt.Errorf("paypal: %s: %w: %w", doing, ports.ErrNothingDone, err)
	}
	return fmt.Errorf("paypal: %s: %w", doing, err)
}

// call makes a call and reads its answer. A refused token is renewed once: that call did nothing.
func (p *Provider) call(ctx context.Context, method, path, key string, asked, answer any) error {
	for again := false; ; again = true {
		token, err := p.accessToken(ctx, again)
		if err != nil {
			return err
		}
		err = p.send(ctx, method, path, key, "Bearer "+token, asked, answer)
		if again || !isStatus(err, http.StatusUnauthorized) {
			return err
		}
	}
}

func (p *Provider) send(ctx context.Context, method, path, key, authorization string, asked, answer any) error {
	var body []byte
	switch a := asked.(type) {
	case nil:
	case url.Values:
		body = []byte(a.Encode())
	default:
		var err error
		if body, err = json.Marshal(a); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Prefer", "return=representation")
	req.Header.Set("Content-Type", "application/json")
	if _, isForm := asked.(url.Values); isForm {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		req.Header.Set(KeyHeader, key)
	}
	resp, err := p.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it is read to its end
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		e := &apiError{}
		_ = json.Unmarshal(raw, e) // what cannot be read has no name
		e.status = resp.StatusCode
		return e
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("an answer of %d bytes that cannot be read", len(raw))
	}
	return nil
}

// errNoToken says that no call was made, since there was no token for it.
var errNoToken = errors.New("no access token")

// earlier is how long before its end a token is renewed.
const earlier = time.Minute

// accessToken is a token, renewed by one caller at a time
// (developer.paypal.com/api/rest/authentication).
func (p *Provider) accessToken(ctx context.Context, renew bool) (string, error) {
	p.tokens.Lock()
	defer p.tokens.Unlock()
	if !renew && p.token != "" && p.Now().Before(p.until) {
		return p.token, nil
	}
	var answer struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"` // seconds
	}
	req := url.Values{"grant_type": {"client_credentials"}}
	basic := &http.Request{Header: http.Header{}}
	basic.SetBasicAuth(p.ClientID, p.Secret)
	if err := p.send(ctx, http.MethodPost, "/v1/oauth2/token", "", basic.Header.Get("Authorization"), req, &answer); err != nil {
		return "", fmt.Errorf("%w: %w", errNoToken, err)
	}
	if answer.Token == "" || strings.ContainsAny(answer.Token, "\r\n") {
		return "", errNoToken
	}
	p.token, p.until = answer.Token, p.Now().Add(time.Duration(answer.Expires)*time.Second-earlier)
	return p.token, nil
}
