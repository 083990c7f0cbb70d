package rest

import (
	"encoding/json"
	"net/http"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// holdBody is a transfer in its first phase, or what became of it without a second.
type holdBody struct {
	ID             domain.TransferID `json:"id"`
	Status         domain.HoldStatus `json:"status"`
	Kind           domain.Kind       `json:"kind"`
	FromWalletID   domain.WalletID   `json:"from_wallet_id"`
	ToWalletID     domain.WalletID   `json:"to_wallet_id"`
	Amount         int64             `json:"amount"`
	Currency       money.Currency    `json:"currency"`
	Description    string            `json:"description"`
	CapturedAmount int64             `json:"captured_amount"`
	Available      *money.Money      `json:"available,omitempty"` // of the payer's wallet, for the payer
	ExpiresAt      string            `json:"expires_at"`
	CreatedAt      string            `json:"created_at"`
}

func bodyOfHold(r domain.HoldReceipt, who domain.Caller) holdBody {
	b := holdBody{
		ID: domain.TransferID(r.ID), Status: r.Status, Kind: domain.KindTransfer, FromWalletID: r.From, ToWalletID: r.To,
		Amount: r.Amount.Amount, Currency: r.Amount.Currency, Description: r.Description, CapturedAmount: r.Captured,
		ExpiresAt: timestamp(r.ExpiresAt), CreatedAt: timestamp(r.CreatedAt),
	}
	if who.ID == r.Owner {
		b.Available = &r.Available
	}
	return b
}

type captureRequest struct {
	Amount   json.RawMessage `json:"amount"`
	Currency string          `json:"currency"`
}

// part reads how much is asked for; nil is the whole.
func (b captureRequest) part() (*money.Money, error) {
	if b.Amount == nil && b.Currency == "" {
		return nil, nil //nolint:nilnil // the whole
	}
	var f faults
	amount := f.money(b.Amount, b.Currency)
	return &amount, f.err()
}

func (h handler) captureHold(r *http.Request) (httpserver.Reply, error) {
	who, key, err := moving(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	id, err := pathID[domain.HoldID](r, domain.ErrTransferNotFound)
	if err != nil {
		return httpserver.Reply{}, err
	}
	var body captureRequest
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	part, err := body.part()
	if err != nil {
		return httpserver.Reply{}, err
	}
	asked, err := keyed(key, "capture of "+string(id), part)
	if err != nil {
		return httpserver.Reply{}, err
	}
	receipt, err := h.app.CaptureHold(r.Context(), who, id, part, asked)
	return moved(http.StatusCreated, "/transaction/transfers/"+string(receipt.ID), bodyOfTransfer(receipt), receipt.Replayed), err
}

func (h handler) voidHold(r *http.Request) (httpserver.Reply, error) {
	who, err := caller(r.Context())
	if err != nil {
		return httpserver.Reply{}, err
	}
	id, err := pathID[domain.HoldID](r, domain.ErrTransferNotFound)
	if err != nil {
		return httpserver.Reply{}, err
	}
	receipt, err := h.app.VoidHold(r.Context(), who, id)
	return ok(bodyOfHold(receipt, who)), err
}
