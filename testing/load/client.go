package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
)

// client is one person on one connection.
type client struct {
	load          *Load
	http          *fasthttp.Client
	dialed        atomic.Int64
	token, wallet string
	neighbour     *client
	answered      []string // ids of its transfers
	latencies     []time.Duration
}

// purse is what each wallet starts with, in minor units; a transfer moves one.
const purse = 1_000_000

func (c *client) dial(addr string) (net.Conn, error) {
	c.dialed.Add(1)
	return net.DialTimeout("tcp", addr, c.load.Timeout)
}

type object = map[string]any

// join registers, logs in, opens a wallet and tops it up. What fails is tried for a while: the
// platform may just be starting.
func (c *client) join(ctx context.Context) error {
	email, password := uuid.NewString()+"@example.com", uuid.NewString()
	var session struct {
		Token string `json:"access_token"`
	}
	var opened struct{ ID string }
	for _, step := range []struct {
		path string
		body func() object
		want int
		dst  any
	}{
		{"/auth/register", func() object { return object{"email": email, "password": password, "name": "Load"} }, http.StatusCreated, nil},
		{"/auth/login", func() object { return object{"email": email, "password": password} }, http.StatusOK, &session},
		{"/transaction/wallets", func() object { return object{"currency": "USD", "name": "purse"} }, http.StatusCreated, &opened},
		{"/transaction/topups", func() object {
			return object{"wallet_id": opened.ID, "amount": purse, "currency": "USD", "provider": "sandbox"}
		}, http.StatusCreated, nil},
	} {
		key := uuid.NewString()
		var lost, taken bool
		err := c.until(ctx, func() error {
			err := c.call(http.MethodPost, step.path, key, step.body(), step.want, step.dst)
			var answer unexpected
			taken = errors.As(err, &answer) && strings.Contains(answer.body, `"email_taken"`)
			if taken {
				return nil
			}
			lost = lost || err != nil && (answer.status == 0 || answer.status >= http.StatusInternalServerError)
			return err
		})
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", step.path, err)
		case taken && !lost: // after a lost answer it was ourselves
			return fmt.Errorf("%s: email_taken, and not by an earlier try", step.path)
		}
		c.token, c.wallet = session.Token, opened.ID
	}
	return nil
}

// patience is how long something is repeated until it works.
const patience = 2 * time.Minute

func (c *client) until(ctx context.Context, do func() error) error {
	for end := time.Now().Add(patience); ; {
		err := do()
		if err == nil || time.Now().After(end) || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// work calls in turn until ctx ends; a transfer that was begun is then still brought to its end.
func (c *client) work(ctx context.Context) {
	tick := time.NewTicker(c.load.Every)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch i % 4 {
		case 0, 2:
			c.pay(context.WithoutCancel(ctx))
		case 1:
			_ = c.counted(http.MethodGet, "/transaction/wallets/"+c.wallet, "", nil, http.StatusOK, nil)
		case 3:
			_ = c.counted(http.MethodGet, "/auth/me", "", nil, http.StatusOK, nil)
		}
	}
}

// pay sends the neighbour one minor unit, and repeats that with the same key until it is known to
// have happened.
func (c *client) pay(ctx context.Context) {
	var made struct{ ID string }
	key, order := uuid.NewString(), object{"from_wallet_id": c.wallet, "to_wallet_id": c.neighbour.wallet, "amount": 1, "currency": "USD"}
	if err := c.until(ctx, func() error {
		return c.counted(http.MethodPost, "/transaction/transfers", key, order, http.StatusCreated, &made)
	}); err == nil {
		c.answered = append(c.answered, made.ID)
	}
}

func (c *client) counted(method, path, key string, body object, want int, dst any) error {
	began := time.Now()
	err := c.call(method, path, key, body, want, dst)
	took := time.Since(began)
	c.latencies = append(c.latencies, took)
	c.load.count(method+" "+path, took, err)
	return err
}

// unexpected is an answer other than the one that was wanted.
type unexpected struct {
	status int
	body   string
}

func (u unexpected) Error() string { return fmt.Sprintf("%d %.120s", u.status, u.body) }

// call sends one request, once. Any other status than want is an error.
func (c *client) call(method, path, key string, body object, want int, dst any) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(c.load.URL + path)
	req.Header.SetMethod(method)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		req.Header.SetContentType("application/json")
		req.Header.Set("Idempotency-Key", key)
		req.SetBodyRaw(text)
	}
	if err := c.http.Do(req, resp); err != nil {
		return err
	}
	if resp.StatusCode() != want {
		return unexpected{status: resp.StatusCode(), body: string(resp.Body())}
	}
	if dst == nil {
		return nil
	}
	return json.Unmarshal(resp.Body(), dst)
}
