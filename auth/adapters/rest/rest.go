// Package rest speaks HTTP for auth: what people call on the public port, and what other services
// ask on the internal one. It decides nothing; openapi.yaml beside it describes every route.
package rest

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/token"
)

// OpenAPI is the description of the public routes, written by hand and held to by a test.
//
//go:embed openapi.yaml
var OpenAPI []byte

// UseCases is what the routes call; *app.App is it.
type UseCases interface {
	Register(ctx context.Context, r app.Registration) (domain.User, error)
	Login(ctx context.Context, c app.Credentials) (ports.Tokens, error)
	Refresh(ctx context.Context, refreshToken string) (ports.Tokens, error)
	Logout(ctx context.Context, who ports.Bearer, extent app.Extent) error
	Me(ctx context.Context, who ports.Bearer) (domain.User, error)
	ChangeProfile(ctx context.Context, who ports.Bearer, c app.ProfileChange) (domain.User, error)
	DeleteMe(ctx context.Context, who ports.Bearer) error
	ChangePassword(ctx context.Context, who ports.Bearer, c app.PasswordChange) error
	ForgotPassword(ctx context.Context, rawEmail string) error
	ResetPassword(ctx context.Context, r app.PasswordReset) error
	VerifyEmail(ctx context.Context, rawEmail, code string) error
	FindUser(ctx context.Context, rawEmail string) (domain.User, error)
	RevocationsAfter(ctx context.Context, cursor string, limit int) ([]ports.Revocation, string, error)
}

// Config is what the routes need besides the use cases.
type Config struct {
	Issuer        string // without a trailing slash
	Managed       bool   // the issuer is a managed provider, at whose address none of these routes are
	JWKS          func(ctx context.Context) ([]byte, error)
	Verifier      *token.Verifier
	ServicesOnly  mux.MiddlewareFunc           // lets other services in to the internal routes
	ClientAddress func(r *http.Request) string // the network address a request came from
	// Mailbox lists the mail of local mode, newest first; nil where there is none to show.
	Mailbox func(to string, limit int) (any, error)
	Log     *slog.Logger
}

// handlers holds what every route needs.
type handlers struct {
	app UseCases
	cfg Config
}

// Public is the routes for people and gateways.
func Public(useCases UseCases, cfg Config) *mux.Router {
	h, router := handlers{useCases, cfg}, httpserver.NewRouter()
	open := func(method, path string, f httpserver.HandlerFunc) {
		router.Handle(path, httpserver.Handle(Problem, cfg.Log, f)).Methods(method)
	}
	bearer := func(method, path string, f httpserver.HandlerFunc) {
		router.Handle(path, cfg.Verifier.Middleware(httpserver.Handle(Problem, cfg.Log, f))).Methods(method)
	}
	open(http.MethodPost, "/auth/register", h.register)
	open(http.MethodPost, "/auth/login", h.login)
	open(http.MethodPost, "/auth/refresh", h.refresh)
	bearer(http.MethodPost, "/auth/logout", h.logout)
	bearer(http.MethodGet, "/auth/me", h.me)
	bearer(http.MethodPatch, "/auth/me", h.changeMe)
	bearer(http.MethodDelete, "/auth/me", h.deleteMe)
	bearer(http.MethodPost, "/auth/password", h.changePassword)
	open(http.MethodPost, "/auth/password/forgot", h.forgotPassword)
	open(http.MethodPost, "/auth/password/reset", h.resetPassword)
	open(http.MethodPost, "/auth/verify-email", h.verifyEmail)
	bearer(http.MethodGet, "/auth/verify", h.verify)
	open(http.MethodGet, "/.well-known/jwks.json", h.jwks)
	open(http.MethodGet, "/.well-known/openid-configuration", h.discovery)
	if cfg.Mailbox != nil {
		open(http.MethodGet, "/dev/mail", h.devMail)
	}
	return router
}

// Internal is the routes for other services.
func Internal(useCases UseCases, cfg Config) *mux.Router {
	h, router := handlers{useCases, cfg}, httpserver.NewRouter()
	router.Use(cfg.ServicesOnly)
	router.Handle("/internal/auth/users", httpserver.Handle(Problem, cfg.Log, h.findUser)).Methods(http.MethodGet)
	router.Handle("/internal/auth/revocations", httpserver.Handle(Problem, cfg.Log, h.revocations)).Methods(http.MethodGet)
	return router
}

// caller is who the verified token of a request belongs to.
func caller(r *http.Request) ports.Bearer {
	claims, _ := token.FromContext(r.Context())
	_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return ports.Bearer{Subject: claims.Subject, SessionID: claims.SessionID, AccessToken: strings.TrimSpace(raw)}
}

func reply(status int, body any) (httpserver.Reply, error) {
	return httpserver.Reply{Status: status, Body: body}, nil
}

func nothing(status int, err error) (httpserver.Reply, error) {
	return httpserver.Reply{Status: status}, err
}
