package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/shared/problem"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

// paymentBody is a top-up, a refund or a withdrawal.
type paymentBody struct {
	ID             domain.PaymentID     `json:"id"`
	Kind           domain.PaymentKind   `json:"kind"`
	Status         domain.PaymentStatus `json:"status"`
	WalletID       domain.WalletID      `json:"wallet_id"`
	Provider       string               `json:"provider"`
	Amount         int64                `json:"amount"`
	Currency       money.Currency       `json:"currency"`
	Fee            int64                `json:"fee"`                       // taken from the wallet besides
	RefundedAmount *int64               `json:"refunded_amount,omitempty"` // of a top-up
	TopUpID        domain.PaymentID     `json:"topup_id,omitempty"`        // of a refund
	Destination    string               `json:"destination,omitempty"`     // of a withdrawal
	FailureCode    string               `json:"failure_code,omitempty"`
	NextAction     *actionBody          `json:"next_action,omitempty"`
	TransferID     domain.TransferID    `json:"transfer_id,omitempty"`
	Balance        *money.Money         `json:"balance,omitempty"` // of the wallet, right after the money moved
	CreatedAt      string               `json:"created_at"`
}

type actionBody struct {
	Type         string `json:"type"` // "confirm" or "redirect"
	ClientSecret string `json:"client_secret,omitempty"`
	URL          string `json:"url,omitempty"`
}

func bodyOfPayment(r app.PaymentReceipt) paymentBody {
	b := paymentBody{
		ID: r.ID, Kind: r.Kind, Status: r.Status, WalletID: r.Wallet, Provider: r.Provider, Amount: r.Amount.Amount,
		Currency: r.Amount.Currency, Fee: r.Fee.Amount, TopUpID: r.Parent, Destination: r.Destination, FailureCode: r.FailureCode,
		TransferID: r.Transfer, Balance: r.Balance, CreatedAt: timestamp(r.CreatedAt),
	}
	if r.Kind == domain.PaymentTopUp {
		b.RefundedAmount = &r.Refunded
	}
	switch {
	case r.Action.ClientSecret != "":
		b.NextAction = &actionBody{Type: "confirm", ClientSecret: r.Action.ClientSecret}
	case r.Action.RedirectURL != "":
		b.NextAction = &actionBody{Type: "redirect", URL: r.Action.RedirectURL}
	}
	return b
}

// paths of the payments, by kind.
var paymentPaths = map[domain.PaymentKind]string{
	domain.PaymentTopUp: "/transaction/topups/", domain.PaymentRefund: "/transaction/refunds/",
	domain.PaymentWithdrawal: "/transaction/withdrawals/",
}

// asked answers who asked for a payment: 201 when its outcome is known, else 202 and a place to look.
func asked(r app.PaymentReceipt) httpserver.Reply {
	status := http.StatusCreated
	if r.Status.Open() {
		status = http.StatusAccepted
	}
	return moved(status, paymentPaths[r.Kind]+string(r.ID), bodyOfPayment(r), r.Replayed)
}

func (h handler) topUp(r *http.Request) (httpserver.Reply, error) {
	who, key, err := moving(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	var body topUpRequest
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	c, err := body.command()
	if err != nil {
		return httpserver.Reply{}, err
	}
	if c.Key, err = keyed(key, "topup", c); err != nil {
		return httpserver.Reply{}, err
	}
	c.Owner = who.ID
	receipt, err := h.app.TopUp(r.Context(), c)
	return asked(receipt), err
}

func (h handler) withdraw(r *http.Request) (httpserver.Reply, error) {
	who, key, err := moving(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	var body withdrawalRequest
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	c, err := body.command()
	if err != nil {
		return httpserver.Reply{}, err
	}
	if c.Key, err = keyed(key, "withdrawal", c); err != nil {
		return httpserver.Reply{}, err
	}
	c.Owner = who.ID
	receipt, err := h.app.Withdraw(r.Context(), c)
	return asked(receipt), err
}

func (h handler) refund(r *http.Request) (httpserver.Reply, error) {
	who, key, err := moving(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	c := app.RefundCommand{Owner: who.ID}
	if c.TopUp, err = pathID[domain.PaymentID](r, domain.ErrPaymentNotFound); err != nil {
		return httpserver.Reply{}, err
	}
	var body captureRequest
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	if c.Amount, err = body.part(); err != nil {
		return httpserver.Reply{}, err
	}
	if c.Key, err = keyed(key, "refund of "+string(c.TopUp), c.Amount); err != nil {
		return httpserver.Reply{}, err
	}
	receipt, err := h.app.Refund(r.Context(), c)
	return asked(receipt), err
}

// payment answers a call about one payment.
func payment(find func(context.Context, domain.OwnerID, domain.PaymentID) (app.PaymentReceipt, error)) httpserver.HandlerFunc {
	return func(r *http.Request) (httpserver.Reply, error) {
		who, err := caller(r.Context())
		if err != nil {
			return httpserver.Reply{}, err
		}
		id, err := pathID[domain.PaymentID](r, domain.ErrPaymentNotFound)
		if err != nil {
			return httpserver.Reply{}, err
		}
		receipt, err := find(r.Context(), who.ID, id)
		return ok(bodyOfPayment(receipt)), err
	}
}

func (h handler) read(kind domain.PaymentKind) httpserver.HandlerFunc {
	return payment(func(ctx context.Context, owner domain.OwnerID, id domain.PaymentID) (app.PaymentReceipt, error) {
		return h.app.ReadPayment(ctx, owner, kind, id)
	})
}

type providerBody struct {
	Name       string    `json:"name"`
	Status     string    `json:"status"` // "available" or "unavailable"
	RetryAfter int64     `json:"retry_after_seconds,omitempty"`
	Fees       []feeBody `json:"fees"`
}

type feeBody struct {
	Kind        domain.PaymentKind `json:"kind"`
	Currency    money.Currency     `json:"currency"`
	Fixed       int64              `json:"fixed"`
	BasisPoints int64              `json:"basis_points"`
}

func (h handler) listProviders(r *http.Request) (httpserver.Reply, error) {
	if _, err := httpserver.ReadQuery(r); err != nil {
		return httpserver.Reply{}, err
	}
	bodies := []providerBody{}
	for _, p := range h.app.ListProviders() {
		b := providerBody{Name: p.Provider, Status: "available", Fees: []feeBody{}}
		if !p.Ready {
			b.Status, b.RetryAfter = "unavailable", int64(p.RetryAfter.Seconds())+1
		}
		for _, f := range p.Fees {
			b.Fees = append(b.Fees, feeBody(f))
		}
		bodies = append(bodies, b)
	}
	return ok(listBody{Data: bodies}), nil
}

// notice takes a provider's webhook. It is verified over the very bytes that were sent.
func (h handler) notice(r *http.Request) (httpserver.Reply, error) {
	body, err := httpserver.ReadBody(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	err = h.app.Notice(r.Context(), mux.Vars(r)["provider"], r.Header, body)
	if errors.Is(err, domain.ErrProviderUnknown) {
		return httpserver.Reply{}, problem.New(http.StatusNotFound, "not_found", "no payment provider tells anything here")
	}
	return httpserver.Reply{Status: http.StatusNoContent}, err
}
