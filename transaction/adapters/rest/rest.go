// Package rest answers the HTTP calls of the transaction service; openapi.yaml describes them.
//
// A handler reads the request, calls one use case and shapes its answer. What a rule refuses
// becomes a problem in problems.go, in one table.
package rest

import (
	"context"
	_ "embed" // openapi.yaml
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/problem"
	"github.com/micropay/micropay/shared/token"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

// OpenAPI describes the public routes, OpenAPI 3.1.
//
//go:embed openapi.yaml
var OpenAPI []byte

// OperatorScope is the scope of tokens whose bearer may see and reverse every transfer.
const OperatorScope = "micropay/operator"

type handler struct{ app *app.App }

// Routes adds the public routes to r; secured refuses requests without a valid access token.
func Routes(r *mux.Router, a *app.App, secured func(http.Handler) http.Handler, log *slog.Logger) {
	h := handler{a}
	add := func(method, path string, f httpserver.HandlerFunc) {
		r.Handle("/transaction"+path, secured(httpserver.Handle(problemOf, log, f))).Methods(method)
	}
	add(http.MethodPost, "/wallets", h.openWallet)
	add(http.MethodGet, "/wallets", h.listWallets)
	add(http.MethodGet, "/wallets/{id}", h.readWallet)
	add(http.MethodPatch, "/wallets/{id}", h.changeWallet)
	add(http.MethodDelete, "/wallets/{id}", h.closeWallet)
	add(http.MethodGet, "/wallets/{id}/balance", h.readBalance)
	add(http.MethodGet, "/wallets/{id}/entries", h.readEntries)
	add(http.MethodGet, "/wallets/{id}/statement", h.readStatement)
	add(http.MethodGet, "/history", h.readHistory)
	add(http.MethodPost, "/topups", h.topUp)
	add(http.MethodGet, "/topups/{id}", h.read(domain.PaymentTopUp))
	add(http.MethodPost, "/topups/{id}/confirm", payment(h.app.ConfirmTopUp))
	add(http.MethodPost, "/topups/{id}/refunds", h.refund)
	add(http.MethodGet, "/refunds/{id}", h.read(domain.PaymentRefund))
	add(http.MethodPost, "/withdrawals", h.withdraw)
	add(http.MethodGet, "/withdrawals/{id}", h.read(domain.PaymentWithdrawal))
	add(http.MethodGet, "/providers", h.listProviders)
	add(http.MethodPost, "/transfers", h.transfer)
	add(http.MethodGet, "/transfers/{id}", h.readTransfer)
	add(http.MethodPost, "/transfers/{id}/reversal", h.reverseTransfer)
	add(http.MethodPost, "/transfers/{id}/capture", h.captureHold)
	add(http.MethodPost, "/transfers/{id}/void", h.voidHold)
	// A provider shows no token; what it sends is proven by its signature.
	r.Handle("/transaction/webhooks/{provider}", httpserver.Handle(problemOf, log, h.notice)).Methods(http.MethodPost)
}

// InternalRoutes adds the routes for other services of the platform; secured asks for their token.
func InternalRoutes(r *mux.Router, a *app.App, secured func(http.Handler) http.Handler, log *slog.Logger) {
	r.Handle("/internal/transaction/owners/{id}/close", secured(httpserver.Handle(problemOf, log,
		func(r *http.Request) (httpserver.Reply, error) {
			id, err := uuid.Parse(mux.Vars(r)["id"])
			if err != nil {
				return httpserver.Reply{}, problem.New(http.StatusBadRequest, "invalid_user_id", "the user id must be a UUID")
			}
			return httpserver.Reply{Status: http.StatusNoContent}, a.Wallets.CloseOwner(r.Context(), domain.OwnerID(id.String()))
		}))).Methods(http.MethodPost)
}

// caller is who the access token names.
func caller(ctx context.Context) (domain.Caller, error) {
	claims, _ := token.FromContext(ctx)
	id, err := uuid.Parse(claims.Subject)
	if err != nil {
		return domain.Caller{}, problem.New(http.StatusUnauthorized, "invalid_token", "the access token is not valid")
	}
	return domain.Caller{ID: domain.OwnerID(id.String()), Operator: claims.HasScope(OperatorScope)}, nil
}

// pathID reads the id in the path. What cannot be an id names nothing, so it is simply not found.
func pathID[T ~string](r *http.Request, missing domain.Refusal) (T, error) {
	id, ok := parseID(mux.Vars(r)["id"])
	if !ok {
		return "", missing
	}
	return T(id), nil
}

// parseID takes the 36 characters of a UUID, in either case.
func parseID(s string) (string, bool) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return "", false
	}
	return id.String(), true
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
