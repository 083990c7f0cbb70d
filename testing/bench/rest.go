package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
)

// REST is a running platform, used as its clients use it.
type REST struct {
	URL         string
	Wallets     int
	People      int // who share the wallets evenly
	Connections int

	http    *fasthttp.Client // net/http would take more of the processor than the service does
	wallets []wallet
}

type wallet struct{ id, token string }

// Prepare registers the people, opens the wallets and tops them up.
func (r *REST) Prepare(ctx context.Context) error {
	r.http = &fasthttp.Client{MaxConnsPerHost: r.Connections, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	each := r.Wallets / r.People
	people := make([][]wallet, r.People)
	err := r.atOnce(ctx, r.People, func(i int) (err error) {
		people[i], err = r.person(each)
		return err
	})
	for _, p := range people {
		r.wallets = append(r.wallets, p...)
	}
	return err
}

// atOnce does n things on all connections.
func (r *REST) atOnce(ctx context.Context, n int, do func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range r.Connections {
		workers.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

func (r *REST) person(wallets int) ([]wallet, error) {
	email, password := uuid.NewString()+"@example.com", uuid.NewString()
	var session struct {
		Token string `json:"access_token"`
	}
	type fields = map[string]any
	err := r.call("", http.StatusCreated, "/auth/register", fields{"email": email, "password": password, "name": "Payer"}, nil)
	if err == nil {
		err = r.call("", http.StatusOK, "/auth/login", fields{"email": email, "password": password}, &session)
	}
	var mine []wallet
	for range wallets {
		if err != nil {
			return nil, err
		}
		var opened struct {
			ID string `json:"id"`
		}
		err = r.call(session.Token, http.StatusCreated, "/transaction/wallets", fields{"currency": "USD", "name": "purse"}, &opened)
		if err == nil {
			err = r.call(session.Token, http.StatusCreated, "/transaction/topups",
				fields{"wallet_id": opened.ID, "amount": 1_000_000, "currency": "USD", "provider": "sandbox"}, nil)
		}
		mine = append(mine, wallet{opened.ID, session.Token})
	}
	return mine, err
}

// Run transfers for a while on all connections.
func (r *REST) Run(ctx context.Context, p Pattern, seconds int) (Figures, error) {
	began := time.Now()
	until := began.Add(time.Duration(seconds) * time.Second)
	var mu sync.Mutex
	var all []time.Duration
	err := r.atOnce(ctx, r.Connections, func(int) error {
		var mine []time.Duration
		for sent := time.Now(); sent.Before(until); sent = time.Now() {
			from, to := r.draw(p)
			body := map[string]any{"from_wallet_id": from.id, "to_wallet_id": to.id, "amount": 1, "currency": "USD"}
			if err := r.call(from.token, http.StatusCreated, "/transaction/transfers", body, nil); err != nil {
				return err
			}
			mine = append(mine, time.Since(sent))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, mine...)
		return nil
	})
	return Figures{Took: time.Since(began), Latencies: all}, err
}

func (r *REST) draw(p Pattern) (from, to wallet) {
	if p == Hot {
		return r.wallets[1+rand.IntN(len(r.wallets)-1)], r.wallets[0]
	}
	i, j := rand.IntN(len(r.wallets)), rand.IntN(len(r.wallets)-1)
	if j >= i {
		j++
	}
	return r.wallets[i], r.wallets[j]
}

// call posts under a new idempotency key and wants one status.
func (r *REST) call(token string, want int, path string, body map[string]any, dst any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(r.URL + path)
	req.Header.SetMethod(http.MethodPost)
	req.Header.SetContentType("application/json")
	req.Header.Set("Idempotency-Key", uuid.NewString())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.SetBodyRaw(text)
	if err := r.http.Do(req, resp); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if resp.StatusCode() != want {
		return fmt.Errorf("%s: %d %s", path, resp.StatusCode(), resp.Body())
	}
	if dst == nil {
		return nil
	}
	return json.Unmarshal(resp.Body(), dst)
}
