// Package authapi asks the auth service over its internal API: who has an e-mail address, and
// which access tokens are refused before they expire.
package authapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Client speaks to the auth service. Its HTTP client brings timeout, retry, circuit breaker and
// the service token.
type Client struct {
	base string
	http *http.Client
}

var (
	_ ports.Directory      = (*Client)(nil)
	_ ports.RevocationFeed = (*Client)(nil)
)

// New speaks to the internal API at base, e.g. http://auth:8001.
func New(base string, client *http.Client) *Client { return &Client{base, client} }

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

var errNotFound = errors.New("not found")

// get reads a JSON answer into dst. Errors: errNotFound for any 4xx that says so about the
// question, ports.ErrUnavailable for everything else.
func (c *Client) get(ctx context.Context, path string, query url.Values, dst any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("auth: %w: %w", ports.ErrUnavailable, err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusBadRequest, http.StatusUnprocessableEntity:
		return errNotFound
	default:
		return fmt.Errorf("auth: %w: status %d", ports.ErrUnavailable, resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(dst); err != nil {
		return fmt.Errorf("auth: %w: %w", ports.ErrUnavailable, err)
	}
	return nil
}

// ByEmail implements ports.Directory.
func (c *Client) ByEmail(ctx context.Context, email string) (domain.OwnerID, error) {
	var user struct {
		ID string `json:"id"`
	}
	err := c.get(ctx, "/internal/auth/users", url.Values{"email": {email}}, &user)
	if errors.Is(err, errNotFound) {
		return "", domain.ErrRecipientUnknown
	}
	if err != nil {
		return "", err
	}
	id, err := uuid.Parse(user.ID)
	if err != nil {
		return "", fmt.Errorf("auth: %w: a user without id", ports.ErrUnavailable)
	}
	return domain.OwnerID(id.String()), nil
}

// feedPage is how many revocations are asked for at a time.
const feedPage = "500"

// After implements ports.RevocationFeed.
func (c *Client) After(ctx context.Context, cursor string) ([]ports.Revocation, string, error) {
	query := url.Values{"limit": {feedPage}}
	if cursor != "" {
		query.Set("after", cursor)
	}
	var page struct {
		Data []struct {
			Kind      string    `json:"kind"`
			ID        string    `json:"id"`
			RevokedAt time.Time `json:"revoked_at"`
			ExpiresAt time.Time `json:"expires_at"`
		} `json:"data"`
		NextCursor string `json:"next_cursor"`
	}
	if err := c.get(ctx, "/internal/auth/revocations", query, &page); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	rs := make([]ports.Revocation, len(page.Data))
	for i, d := range page.Data {
		rs[i] = ports.Revocation(d)
	}
	return rs, page.NextCursor, nil
}
