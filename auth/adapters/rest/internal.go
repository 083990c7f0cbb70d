package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/problem"
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
	limit, err := limitOf(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	lines, next, err := h.app.RevocationsAfter(r.Context(), r.URL.Query().Get("after"), limit)
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
	limit, err := limitOf(r)
	if err != nil {
		return httpserver.Reply{}, err
	}
	letters, err := h.cfg.Mailbox(r.URL.Query().Get("to"), limit)
	if err != nil {
		return httpserver.Reply{}, err
	}
	return reply(http.StatusOK, struct {
		Data any `json:"data"`
	}{letters})
}

const (
	defaultLimit = 100
	longestLimit = 500
)

// limitOf is ?limit=, 1 to 500.
func limitOf(r *http.Request) (int, error) {
	raw := r.URL.Query().Get("limit")
	if raw == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(raw)
	if err != nil || limit < 1 || limit > longestLimit {
		return 0, problem.New(http.StatusBadRequest, "invalid_parameter", "limit must be a whole number from 1 to 500")
	}
	return limit, nil
}
