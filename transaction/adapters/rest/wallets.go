package rest

import (
	"net/http"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

type walletBody struct {
	ID        domain.WalletID `json:"id"`
	Currency  money.Currency  `json:"currency"`
	Name      string          `json:"name"`
	Status    domain.Status   `json:"status"`
	Balance   money.Money     `json:"balance"`
	Available money.Money     `json:"available"` // the balance without what is held
	Held      money.Money     `json:"held"`
	CreatedAt string          `json:"created_at"`
}

func bodyOfWallet(w domain.Wallet) walletBody {
	return walletBody{w.ID, w.Balance.Currency, w.Name, w.Status, w.Balance, w.Available(), w.Held, timestamp(w.CreatedAt)}
}

type listBody struct {
	Data       any     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

func (h handler) openWallet(r *http.Request) (httpserver.Reply, error) {
	who, err := caller(r.Context())
	if err != nil {
		return httpserver.Reply{}, err
	}
	var body struct {
		Currency string  `json:"currency"`
		Name     *string `json:"name"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	currency, err := money.ParseCurrency(body.Currency)
	if err != nil {
		return httpserver.Reply{}, domain.Invalid{{Field: "currency", Code: "unknown_currency", Detail: err.Error()}}
	}
	name := string(currency)
	if body.Name != nil {
		name = *body.Name
	}
	w, err := h.app.OpenWallet(r.Context(), who.ID, currency, name)
	return created("/transaction/wallets/"+string(w.ID), bodyOfWallet(w)), err
}

func created(location string, body any) httpserver.Reply {
	return httpserver.Reply{Status: http.StatusCreated, Body: body, Header: http.Header{"Location": {location}}}
}

func ok(body any) httpserver.Reply { return httpserver.Reply{Status: http.StatusOK, Body: body} }

func (h handler) listWallets(r *http.Request) (httpserver.Reply, error) {
	who, err := caller(r.Context())
	if err != nil {
		return httpserver.Reply{}, err
	}
	if _, err := httpserver.ReadQuery(r); err != nil {
		return httpserver.Reply{}, err
	}
	ws, err := h.app.ListWallets(r.Context(), who.ID)
	bodies := make([]walletBody, len(ws))
	for i, w := range ws {
		bodies[i] = bodyOfWallet(w)
	}
	return ok(listBody{Data: bodies}), err
}

// ownWallet reads who asks about which wallet.
func ownWallet(r *http.Request) (domain.OwnerID, domain.WalletID, error) {
	who, err := caller(r.Context())
	if err != nil {
		return "", "", err
	}
	id, err := pathID[domain.WalletID](r, domain.ErrWalletNotFound)
	return who.ID, id, err
}

func (h handler) readWallet(r *http.Request) (httpserver.Reply, error) {
	owner, id, err := ownWallet(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	w, err := h.app.Wallets.Find(r.Context(), owner, id)
	return ok(bodyOfWallet(w)), err
}

func (h handler) changeWallet(r *http.Request) (httpserver.Reply, error) {
	owner, id, err := ownWallet(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	var body struct {
		Name   *string        `json:"name"`
		Status *domain.Status `json:"status"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	w, err := h.app.ChangeWallet(r.Context(), owner, id, app.WalletChange{Name: body.Name, Status: body.Status})
	return ok(bodyOfWallet(w)), err
}

func (h handler) closeWallet(r *http.Request) (httpserver.Reply, error) {
	owner, id, err := ownWallet(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	w, err := h.app.CloseWallet(r.Context(), owner, id)
	return ok(bodyOfWallet(w)), err
}

func (h handler) readBalance(r *http.Request) (httpserver.Reply, error) {
	owner, id, err := ownWallet(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	q, err := httpserver.ReadQuery(r, "at")
	if err != nil {
		return httpserver.Reply{}, err
	}
	at, err := q.Time("at")
	if err != nil {
		return httpserver.Reply{}, err
	}
	b, err := h.app.Balance(r.Context(), owner, id, at)
	if err != nil {
		return httpserver.Reply{}, err
	}
	body := struct {
		WalletID  domain.WalletID `json:"wallet_id"`
		Balance   money.Money     `json:"balance"`
		Available *money.Money    `json:"available,omitempty"` // of now only
		Held      *money.Money    `json:"held,omitempty"`
		At        string          `json:"at"`
	}{WalletID: id, Balance: b.Balance, Held: b.Held, At: timestamp(b.At)}
	if b.Held != nil {
		body.Available = &money.Money{Amount: b.Balance.Amount - b.Held.Amount, Currency: b.Balance.Currency}
	}
	return ok(body), nil
}
