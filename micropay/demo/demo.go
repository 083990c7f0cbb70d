// Package demo tells what MicroPay does, by doing it against a running platform: two people, a
// top-up, transfers, a refused one, a repeated one, a reversal, and the history of it all.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/micropay/micropay/shared/money"
)

// Run tells the story to out. It may be told any number of times: its people are new each time.
func Run(ctx context.Context, url string, out io.Writer) error {
	s := &story{base: strings.TrimSuffix(url, "/"), out: out, http: &http.Client{Timeout: 15 * time.Second}}
	if _, err := s.client("").once(ctx, "", http.MethodGet, "/livez", nil, nil); err != nil {
		return fmt.Errorf("no platform answers at %s; start one with `make run`: %w", url, err)
	}
	alice, err := s.join(ctx, "Alice")
	if err != nil {
		return err
	}
	bob, err := s.join(ctx, "Bob")
	if err != nil {
		return err
	}
	for _, chapter := range []func(context.Context, *person, *person) error{s.topUp, s.transfers, s.refusal, s.replay, s.reversal, s.history, s.logout} {
		if err := chapter(ctx, alice, bob); err != nil {
			return err
		}
	}
	return nil
}

type story struct {
	base string
	out  io.Writer
	http *http.Client
}

func (s *story) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format+"\n", args...) }

func (s *story) client(token string) client {
	return client{base: s.base, http: s.http, token: token, tell: s.say}
}

// person is somebody with a wallet.
type person struct {
	client
	name, email, wallet string
}

type body map[string]any

func (s *story) join(ctx context.Context, name string) (*person, error) {
	p := &person{client: s.client(""), name: name, email: strings.ToLower(name) + "." + uuid.NewString()[:8] + "@example.com"}
	password := uuid.NewString()
	err := p.call(ctx, http.MethodPost, "/auth/register", body{"email": p.email, "password": password, "name": name}, nil)
	var taken *problem
	if errors.As(err, &taken) && taken.Code == "email_taken" { // by ourselves: the answer to the first try was lost
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s registers: %w", name, err)
	}
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := p.call(ctx, http.MethodPost, "/auth/login", body{"email": p.email, "password": password}, &tokens); err != nil {
		return nil, fmt.Errorf("%s logs in: %w", name, err)
	}
	p.token = tokens.Access
	var wallets struct {
		Data []struct{ ID, Currency string } `json:"data"`
	}
	if err := p.call(ctx, http.MethodGet, "/transaction/wallets", nil, &wallets); err != nil {
		return nil, fmt.Errorf("%s looks for a wallet: %w", name, err)
	}
	if len(wallets.Data) == 0 {
		return nil, fmt.Errorf("%s has no wallet", name)
	}
	p.wallet = wallets.Data[0].ID
	s.say("%s registers as %s, logs in, and has a wallet in %s.", name, p.email, wallets.Data[0].Currency)
	return p, nil
}

// receipt is what a call that moved money answers.
type receipt struct {
	ID      string      `json:"id"`
	Status  string      `json:"status"`
	Balance money.Money `json:"balance"`
}

func usd(amount int64) money.Money { return money.Money{Amount: amount, Currency: "USD"} }

func (s *story) topUp(ctx context.Context, alice, _ *person) error {
	var r receipt
	err := alice.call(ctx, http.MethodPost, "/transaction/topups",
		body{"wallet_id": alice.wallet, "amount": 10_000, "currency": "USD", "provider": "sandbox"}, &r)
	if err != nil {
		return fmt.Errorf("top-up: %w", err)
	}
	s.say("Alice tops up %s by card: %s. She has %s.", usd(10_000), r.Status, r.Balance)
	return nil
}

func (s *story) transfers(ctx context.Context, alice, bob *person) error {
	var r receipt
	err := alice.call(ctx, http.MethodPost, "/transaction/transfers",
		body{"from_wallet_id": alice.wallet, "to_email": bob.email, "amount": 2_550, "currency": "USD", "description": "dinner"}, &r)
	if err != nil {
		return fmt.Errorf("transfer by e-mail: %w", err)
	}
	s.say("Alice sends Bob %s for dinner, by his e-mail address. She has %s.", usd(2_550), r.Balance)
	err = bob.call(ctx, http.MethodPost, "/transaction/transfers",
		body{"from_wallet_id": bob.wallet, "to_wallet_id": alice.wallet, "amount": 550, "currency": "USD", "description": "change"}, &r)
	if err != nil {
		return fmt.Errorf("transfer by wallet: %w", err)
	}
	s.say("Bob sends %s back as change, to her wallet's id. He has %s.", usd(550), r.Balance)
	return nil
}

func (s *story) refusal(ctx context.Context, alice, bob *person) error {
	err := bob.call(ctx, http.MethodPost, "/transaction/transfers",
		body{"from_wallet_id": bob.wallet, "to_wallet_id": alice.wallet, "amount": 1_000_000, "currency": "USD"}, nil)
	var refused *problem
	if !errors.As(err, &refused) || refused.Code != "insufficient_funds" {
		return fmt.Errorf("a transfer of more than there is should be refused: %w", err)
	}
	s.say("Bob tries to send %s and is refused: %s. Nothing moved.", usd(1_000_000), refused.Detail)
	return nil
}

func (s *story) replay(ctx context.Context, alice, bob *person) error {
	key := uuid.NewString()
	order := body{"from_wallet_id": alice.wallet, "to_wallet_id": bob.wallet, "amount": 1_000, "currency": "USD", "description": "taxi"}
	var first, again receipt
	if _, err := alice.callWithKey(ctx, key, http.MethodPost, "/transaction/transfers", order, &first); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	replayed, err := alice.callWithKey(ctx, key, http.MethodPost, "/transaction/transfers", order, &again)
	if err != nil || !replayed || first != again {
		return fmt.Errorf("the same key should get the same answer: %w", err)
	}
	s.say("Alice sends %s for a taxi, twice with one Idempotency-Key: it moved once. She has %s.", usd(1_000), again.Balance)
	return nil
}

func (s *story) reversal(ctx context.Context, alice, bob *person) error {
	var sent, back receipt
	err := alice.call(ctx, http.MethodPost, "/transaction/transfers",
		body{"from_wallet_id": alice.wallet, "to_wallet_id": bob.wallet, "amount": 700, "currency": "USD", "description": "tickets"}, &sent)
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	if err := bob.call(ctx, http.MethodPost, "/transaction/transfers/"+sent.ID+"/reversal", body{"description": "sold out"}, &back); err != nil {
		return fmt.Errorf("reversal: %w", err)
	}
	s.say("Alice sends %s for tickets; they are sold out and Bob sends it back. He has %s.", usd(700), back.Balance)
	return nil
}

func (s *story) history(ctx context.Context, alice, _ *person) error {
	var page struct {
		Data []struct {
			Transfer  struct{ Kind, Description string } `json:"transfer"`
			Amount    int64                              `json:"amount"`
			Currency  money.Currency                     `json:"currency"`
			After     money.Money                        `json:"balance_after"`
			CreatedAt time.Time                          `json:"created_at"`
		} `json:"data"`
	}
	if err := alice.call(ctx, http.MethodGet, "/transaction/history", nil, &page); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	s.say("Alice's history, newest first:\n")
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "time\tkind\tdescription\tamount\tbalance\t")
	for _, e := range page.Data {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t\n", e.CreatedAt.Format(time.TimeOnly), e.Transfer.Kind, e.Transfer.Description,
			money.Money{Amount: e.Amount, Currency: e.Currency}.Decimal(), e.After)
	}
	return table.Flush()
}

func (s *story) logout(ctx context.Context, alice, _ *person) error {
	if err := alice.call(ctx, http.MethodPost, "/auth/logout", nil, nil); err != nil {
		var p *problem
		if !errors.As(err, &p) || p.Status != http.StatusUnauthorized { // an earlier try had its effect
			return fmt.Errorf("logout: %w", err)
		}
	}
	for until := time.Now().Add(5 * time.Second); ; {
		err := alice.call(ctx, http.MethodGet, "/transaction/wallets", nil, nil)
		var p *problem
		if errors.As(err, &p) && p.Status == http.StatusUnauthorized {
			s.say("\nAlice logs out; her token is refused from then on: %s.", p.Code)
			return nil
		}
		if err != nil || time.Now().After(until) {
			return fmt.Errorf("after logout the token should be refused: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
