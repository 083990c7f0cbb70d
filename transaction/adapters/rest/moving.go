package rest

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

type transferBody struct {
	ID             domain.TransferID `json:"id"`
	Status         string            `json:"status"` // "posted": what stands in the ledger stays
	Kind           domain.Kind       `json:"kind"`
	FromWalletID   domain.WalletID   `json:"from_wallet_id"`
	ToWalletID     domain.WalletID   `json:"to_wallet_id"`
	Amount         int64             `json:"amount"`
	Currency       money.Currency    `json:"currency"`
	Description    string            `json:"description"`
	Reverses       domain.TransferID `json:"reverses,omitempty"`
	ReversedAmount int64             `json:"reversed_amount"`
	Balance        money.Money       `json:"balance"` // of the caller's wallet, right after
	CreatedAt      string            `json:"created_at"`
}

func bodyOfTransfer(r domain.Receipt) transferBody {
	return transferBody{
		ID: r.ID, Status: "posted", Kind: r.Kind, FromWalletID: r.From, ToWalletID: r.To,
		Amount: r.Amount.Amount, Currency: r.Amount.Currency, Description: r.Description, Reverses: r.Reverses,
		ReversedAmount: r.Reversed.Amount, Balance: r.Balance, CreatedAt: timestamp(r.CreatedAt),
	}
}

// moved answers a call that moved money, or repeats its first answer.
func moved(status int, location string, body any, replayed bool) httpserver.Reply {
	h := http.Header{"Location": {location}}
	if replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	return httpserver.Reply{Status: status, Body: body, Header: h}
}

// moving reads who asks and under which idempotency key.
func moving(r *http.Request) (domain.Caller, string, error) {
	who, err := caller(r.Context())
	if err != nil {
		return who, "", err
	}
	key, err := httpserver.IdempotencyKey(r)
	return who, key, err
}

// keyed ties a key to what is asked, so that spelling the same request otherwise is the same
// request and asking for something else is noticed.
func keyed(value, operation string, asked any) (domain.Key, error) {
	b, err := json.Marshal([]any{operation, asked})
	return domain.Key{Value: value, Request: sha256.Sum256(b)}, err
}

func (h handler) transfer(r *http.Request) (httpserver.Reply, error) {
	who, key, err := moving(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	var body transferRequest
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	c, err := body.command()
	if err != nil {
		return httpserver.Reply{}, err
	}
	operation := "transfer"
	if body.holds() {
		operation = "hold"
	}
	if c.Key, err = keyed(key, operation, c); err != nil {
		return httpserver.Reply{}, err
	}
	c.Caller = who
	if body.holds() {
		receipt, err := h.app.HoldTransfer(r.Context(), c)
		return moved(http.StatusCreated, "/transaction/transfers/"+string(receipt.ID), bodyOfHold(receipt, who), receipt.Replayed), err
	}
	receipt, err := h.app.Transfer(r.Context(), c)
	return moved(http.StatusCreated, "/transaction/transfers/"+string(receipt.ID), bodyOfTransfer(receipt), receipt.Replayed), err
}

func (h handler) readTransfer(r *http.Request) (httpserver.Reply, error) {
	who, err := caller(r.Context())
	if err != nil {
		return httpserver.Reply{}, err
	}
	id, err := pathID[domain.TransferID](r, domain.ErrTransferNotFound)
	if err != nil {
		return httpserver.Reply{}, err
	}
	receipt, err := h.app.ReadTransfer(r.Context(), who, id)
	if errors.Is(err, domain.ErrTransferNotFound) { // it may not be posted yet
		held, err := h.app.ReadHold(r.Context(), who, domain.HoldID(id))
		return ok(bodyOfHold(held, who)), err
	}
	return ok(bodyOfTransfer(receipt)), err
}

func (h handler) reverseTransfer(r *http.Request) (httpserver.Reply, error) {
	who, key, err := moving(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	original, err := pathID[domain.TransferID](r, domain.ErrTransferNotFound)
	if err != nil {
		return httpserver.Reply{}, err
	}
	var body reversalRequest
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	o, err := body.order()
	if err != nil {
		return httpserver.Reply{}, err
	}
	if o.Key, err = keyed(key, "reversal of "+string(original), o); err != nil {
		return httpserver.Reply{}, err
	}
	o.Caller = who
	receipt, err := h.app.ReverseTransfer(r.Context(), original, o)
	return moved(http.StatusCreated, "/transaction/transfers/"+string(receipt.ID), bodyOfTransfer(receipt), receipt.Replayed), err
}
