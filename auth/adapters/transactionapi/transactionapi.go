// Package transactionapi asks the transaction service on its internal port. Only the id of a
// person crosses, never a name or an address.
package transactionapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

const longestAnswer = 64 << 10

// Client implements ports.Wallets.
type Client struct {
	base string
	http *http.Client
}

// New makes a client of the service at base, e.g. "http://transaction:8001". The HTTP client adds
// the service token and brings timeout, retry and breaker.
func New(base string, client *http.Client) *Client {
	return &Client{strings.TrimRight(base, "/"), client}
}

// CloseOwner makes sure that the person has no open wallet and can open none any more.
// ErrWalletsNotClosed; ports.ErrUnavailable when there is no answer, or none that makes sense.
func (c *Client) CloseOwner(ctx context.Context, userID string) error {
	target := c.base + "/internal/transaction/owners/" + url.PathEscape(userID) + "/close"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, http.NoBody)
	if err != nil {
		return fmt.Errorf("close owner: %w", err)
	}
	request.Header.Set("Idempotency-Key", "close-"+url.PathEscape(userID)) // closing twice is closing once: it may be retried
	answer, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("close owner: %w", errors.Join(ports.ErrUnavailable, err))
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	switch answer.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusConflict:
		var problem struct {
			Code string `json:"code"`
		}
		if err := json.NewDecoder(io.LimitReader(answer.Body, longestAnswer)).Decode(&problem); err == nil &&
			problem.Code == domain.ErrWalletsNotClosed.Error() {
			return domain.ErrWalletsNotClosed
		}
	}
	return fmt.Errorf("close owner: transaction answered %d: %w", answer.StatusCode, ports.ErrUnavailable)
}
