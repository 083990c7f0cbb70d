package rest

import (
	"net/http"
	"time"

	"github.com/micropay/micropay/shared/httpserver"
)

func (h handlers) findUser(r *http.Request) (httpserver.Reply, error) {
	user, err := h.app.FindUser(r.Context(), r.URL.Query().Get("email"))
	if err != nil {
		return httpserver.Reply{}, err
	}
	return reply(http.StatusOK, struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}{user.ID, user.Name.String()})
}

type revocationBody struct {
	Kind      string    `json:"kind"`
	ID        string    `json:"id"`
	RevokedAt time.Time `json:"revoked_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (h handlers) revocations(r *http.Request) (httpserver.Reply, error) {
	query, limit, err := listQuery(r, "after")
	if err != nil {
		return httpserver.Reply{}, err
	}
	lines, next, err := h.app.RevocationsAfter(r.Context(), query.Get("after"), limit)
	if err != nil {
		return httpserver.Reply{}, err
	}
	data := make([]revocationBody, len(lines))
	for i, l := range lines {
		data[i] = revocationBody{string(l.Kind), l.ID, l.At, l.ExpiresAt}
	}
	return reply(http.StatusOK, struct {
		Data       []revocationBody `json:"data"`
		NextCursor string           `json:"next_cursor"`
	}{data, next})
}

// devMail lists the local mailbox, to one address if ?to= is given.
func (h handlers) devMail(r *http.Request) (httpserver.Reply, error) {
	query, limit, err := listQuery(r, "to")
	if err != nil {
		return httpserver.Reply{}, err
	}
	letters, err := h.cfg.Mailbox(query.Get("to"), limit)
	if err != nil {
		return httpserver.Reply{}, err
	}
	return reply(http.StatusOK, struct {
		Data any `json:"data"`
	}{letters})
}

// listQuery reads the parameter of that name, and limit, 1 to 500.
func listQuery(r *http.Request, name string) (httpserver.Query, int, error) {
	query, err := httpserver.ReadQuery(r, name, "limit")
	if err != nil {
		return httpserver.Query{}, 0, err
	}
	limit, err := query.Limit(100, 500)
	return query, limit, err
}
