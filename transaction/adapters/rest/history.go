package rest

import (
	"net/http"
	"time"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

type entryBody struct {
	WalletID     domain.WalletID  `json:"wallet_id"`
	Transfer     entryTransfer    `json:"transfer"`
	Counterparty counterpartyBody `json:"counterparty"`
	Amount       int64            `json:"amount"` // minor units; negative left the wallet
	Currency     money.Currency   `json:"currency"`
	BalanceAfter money.Money      `json:"balance_after"`
	CreatedAt    string           `json:"created_at"`
}

type entryTransfer struct {
	ID          domain.TransferID `json:"id"`
	Kind        domain.Kind       `json:"kind"`
	Description string            `json:"description"`
	Reverses    domain.TransferID `json:"reverses,omitempty"`
}

type counterpartyBody struct {
	WalletID domain.WalletID `json:"wallet_id,omitempty"`
	Provider string          `json:"provider,omitempty"`
}

func bodyOfEntry(e domain.Entry) entryBody {
	return entryBody{
		WalletID: e.Wallet, Transfer: entryTransfer{e.Transfer, e.Kind, e.Description, e.Reverses},
		Counterparty: counterpartyBody{e.Counterparty.Wallet, e.Counterparty.Provider},
		Amount:       e.Amount.Amount, Currency: e.Amount.Currency, BalanceAfter: e.BalanceAfter, CreatedAt: timestamp(e.CreatedAt),
	}
}

// cursor is where a page ended: time in microseconds, wallet, sequence.
type cursor struct {
	At     int64  `json:"t"`
	Wallet string `json:"w"`
	Seq    int64  `json:"s"`
}

func (h handler) readEntries(r *http.Request) (httpserver.Reply, error) {
	owner, id, err := ownWallet(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	return h.history(r, ports.EntryQuery{Owner: owner, Wallet: id})
}

func (h handler) readHistory(r *http.Request) (httpserver.Reply, error) {
	who, err := caller(r.Context())
	if err != nil {
		return httpserver.Reply{}, err
	}
	return h.history(r, ports.EntryQuery{Owner: who.ID})
}

func (h handler) history(r *http.Request, q ports.EntryQuery) (httpserver.Reply, error) {
	query, err := httpserver.ReadQuery(r, "from", "to", "limit", "cursor")
	if err != nil {
		return httpserver.Reply{}, err
	}
	if q.Period, err = period(query); err != nil {
		return httpserver.Reply{}, err
	}
	if q.Limit, err = query.Limit(50, 100); err != nil {
		return httpserver.Reply{}, err
	}
	if q.After, err = position(query.Get("cursor")); err != nil {
		return httpserver.Reply{}, err
	}
	entries, next, err := h.app.ReadHistory(r.Context(), q)
	if err != nil {
		return httpserver.Reply{}, err
	}
	bodies := make([]entryBody, len(entries))
	for i, e := range entries {
		bodies[i] = bodyOfEntry(e)
	}
	page := listBody{Data: bodies}
	if next != nil {
		c := httpserver.EncodeCursor(cursor{next.At.UnixMicro(), string(next.Wallet), next.Seq})
		page.NextCursor = &c
	}
	return ok(page), nil
}

func period(q httpserver.Query) (domain.Period, error) {
	from, err := q.Time("from")
	if err != nil {
		return domain.Period{}, err
	}
	to, err := q.Time("to")
	if err != nil {
		return domain.Period{}, err
	}
	return domain.NewPeriod(from, to)
}

// position reads a cursor. A made-up one that parses is harmless: it only says where to go on
// among the caller's own entries.
func position(text string) (*ports.EntryPosition, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no cursor: the first page
	}
	var c cursor
	if err := httpserver.DecodeCursor(text, &c); err != nil {
		return nil, err
	}
	wallet, isID := parseID(c.Wallet)
	if !isID || c.Seq < 1 || c.At < 0 || c.At > maxMicros {
		return nil, httpserver.ErrInvalidCursor
	}
	return &ports.EntryPosition{At: time.UnixMicro(c.At).UTC(), Wallet: domain.WalletID(wallet), Seq: c.Seq}, nil
}

// maxMicros is the end of the year 9999, beyond which no RFC 3339 time lies.
var maxMicros = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()
