package rest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/httpserver"
)

type tokensAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
	TokenType    string `json:"token_type"`
}

func tokensOf(t ports.Tokens) tokensAnswer {
	return tokensAnswer{t.Access, t.Refresh, int64(t.ExpiresIn.Seconds()), "Bearer"}
}

func (h handlers) login(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	if err := required(member{"email", body.Email}, member{"password", body.Password}); err != nil {
		return httpserver.Reply{}, err
	}
	tokens, err := h.app.Login(r.Context(), app.Credentials{Email: body.Email, Password: body.Password, Address: h.cfg.ClientAddress(r)})
	if err != nil {
		return httpserver.Reply{}, err
	}
	return reply(http.StatusOK, tokensOf(tokens))
}

func (h handlers) refresh(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	if err := required(member{"refresh_token", body.RefreshToken}); err != nil {
		return httpserver.Reply{}, err
	}
	tokens, err := h.app.Refresh(r.Context(), body.RefreshToken)
	if err != nil {
		return httpserver.Reply{}, err
	}
	return reply(http.StatusOK, tokensOf(tokens))
}

// logout takes an optional body {"everywhere": true}; without one it ends the bearer's session.
func (h handlers) logout(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Everywhere bool `json:"everywhere"`
	}
	if hasBody(r) {
		if err := httpserver.Decode(r, &body); err != nil {
			return httpserver.Reply{}, err
		}
	}
	return nothing(http.StatusNoContent, h.app.Logout(r.Context(), caller(r), app.Extent(body.Everywhere)))
}

// hasBody looks for a first byte where the length is not told.
func hasBody(r *http.Request) bool {
	if r.ContentLength >= 0 {
		return r.ContentLength > 0
	}
	body := bufio.NewReader(r.Body)
	_, err := body.Peek(1)
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	return !errors.Is(err, io.EOF)
}

// verify is for gateways: the token was good, and this is whose it is.
func (h handlers) verify(r *http.Request) (httpserver.Reply, error) {
	who := caller(r)
	return httpserver.Reply{Status: http.StatusOK, Header: http.Header{"X-User-Id": {who.Subject}}}, nil
}

func (h handlers) jwks(r *http.Request) (httpserver.Reply, error) {
	set, err := h.cfg.JWKS(r.Context())
	if err != nil {
		return httpserver.Reply{}, err
	}
	return httpserver.Reply{Status: http.StatusOK, Body: json.RawMessage(set), Header: cacheable()}, nil
}

// discovery is as much of OpenID Connect Discovery as a JWT authorizer reads.
func (h handlers) discovery(*http.Request) (httpserver.Reply, error) {
	document := map[string]any{
		"issuer":                                h.cfg.Issuer,
		"jwks_uri":                              h.cfg.Issuer + "/.well-known/jwks.json",
		"response_types_supported":              []string{"token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}
	if !h.cfg.Managed {
		document["token_endpoint"] = h.cfg.Issuer + "/auth/login"
	}
	return httpserver.Reply{Status: http.StatusOK, Header: cacheable(), Body: document}, nil
}

func cacheable() http.Header { return http.Header{"Cache-Control": {"public, max-age=60"}} }

type member struct{ name, value string }

// required refuses members that are empty.
func required(members ...member) error {
	var faults []domain.FieldError
	for _, m := range members {
		if m.value == "" {
			faults = append(faults, domain.FieldError{Field: m.name, Code: "required", Detail: "must not be empty"})
		}
	}
	return domain.Reject(faults...)
}
