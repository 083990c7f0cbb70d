// Package transaction wires the service that keeps the money: wallets, ledger, payments, history.
//
// Start with domain for the rules, app for what can be done, migrations/00006 for how money
// moves, and this file for how the parts are put together; cmd/transaction, the all-in-one
// program and the tests use the same New.
package transaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/micropay/micropay/shared/awsconfig"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/httpevents"
	"github.com/micropay/micropay/shared/events/transport"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/shared/outbox"
	"github.com/micropay/micropay/shared/peer"
	"github.com/micropay/micropay/shared/token"
	"github.com/micropay/micropay/transaction/adapters/authapi"
	"github.com/micropay/micropay/transaction/adapters/postgres"
	"github.com/micropay/micropay/transaction/adapters/rest"
	"github.com/micropay/micropay/transaction/adapters/subscriber"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/migrations"
	"github.com/micropay/micropay/transaction/ports"
)

// Deps are what a process gives the service; all but Log may be left out.
type Deps struct {
	Log *slog.Logger
	Now func() time.Time // time.Now
	// Auth calls the auth service, with timeout, retry, breaker and service token.
	Auth     *http.Client
	Registry prometheus.Registerer
	Bus      *events.Bus // carries events within the process, where there is no SNS
	AWS      *aws.Config // what clients of AWS are made of; read as its SDK documents
}

// Service is a wired transaction service.
type Service struct {
	cfg         Config
	log         *slog.Logger
	now         func() time.Time
	db          *sqlx.DB
	app         *app.App
	keys        *postgres.Keys
	payments    *postgres.Payments
	revocations *app.Revocations
	inbox       *postgres.Inbox
	events      *transport.Transport
	public      http.Handler
	internal    http.Handler
}

// Schema is the name of the service's schema; its roles are micropay_transaction and
// micropay_transaction_owner.
const Schema = "transaction"

// Migrate brings the schema up to date, as its owner.
func Migrate(ctx context.Context, ownerDSN string) error {
	return database.Migrate(ctx, ownerDSN, Schema, migrations.FS)
}

// New wires the service of a valid configuration. It waits neither for the database nor for auth.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("transaction: configuration: %w", err)
	}
	deps = deps.withDefaults()
	other, err := peer.New(ctx, peer.Config{
		Name: "auth", Variable: "AUTH_URL", Address: cfg.AuthURL, Token: cfg.InternalToken.Reveal(),
		Calls: cfg.AuthClient, Instances: cfg.AuthInstances, Log: deps.Log, Registry: deps.Registry, HTTP: deps.Auth,
	})
	if err != nil {
		return nil, fmt.Errorf("transaction: configuration: %w", err)
	}
	db, err := openDatabase(ctx, cfg.Database.DSN(), cfg)
	if err != nil {
		return nil, fmt.Errorf("transaction: %w", err)
	}
	auth := authapi.New(other.Base, other.HTTP)
	s := &Service{
		cfg: cfg, log: deps.Log, now: deps.Now, db: db, app: useCases(cfg, deps, db, auth), keys: postgres.NewKeys(db),
		payments:    postgres.NewPayments(db),
		revocations: app.NewRevocations(auth, postgres.NewRevocations(db)), inbox: postgres.NewInbox(db),
	}
	s.events, err = transport.New(ctx, cfg.Events, transport.Service{
		Name: Schema, QueueURL: cfg.QueueURL, DB: db, DSN: cfg.Database.DSN(), Schema: Schema, Handle: subscriber.Handle(s.app),
		Log: deps.Log, Registry: deps.Registry, Bus: deps.Bus,
		Peers: map[string]events.Sink{"auth": httpevents.Sink{URL: other.Base + "/internal/auth/events", HTTP: other.HTTP}},
		AWS:   func(ctx context.Context) (aws.Config, error) { return awsconfig.Load(ctx, deps.AWS, cfg.AWSRegion) },
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("transaction: %w", err), db.Close())
	}
	verifier, err := s.verifier(ctx, deps.Log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("transaction: %w", err), db.Close())
	}
	s.route(verifier, deps)
	s.measure(deps.Registry)
	deps.Log.InfoContext(ctx, "payment providers chosen", "providers", slices.Sorted(maps.Keys(s.app.Providers)))
	deps.Log.InfoContext(ctx, "events travel", "by", s.events.How)
	return s, nil
}

func (d Deps) withDefaults() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Registry == nil {
		d.Registry = prometheus.NewRegistry()
	}
	return d
}

func openDatabase(ctx context.Context, dsn string, cfg Config) (*sqlx.DB, error) {
	d := cfg.Database
	return database.Open(ctx, database.Config{
		DSN: dsn, ApplicationName: "micropay transaction", SearchPath: Schema, MaxOpen: d.MaxOpen, ConnectTimeout: d.ConnectTimeout,
		StatementTimeout: d.StatementTimeout, LockTimeout: d.LockTimeout, IdleInTx: d.IdleInTx,
	})
}

func useCases(cfg Config, deps Deps, db *sqlx.DB, auth *authapi.Client) *app.App {
	ledger := postgres.NewLedger(db)
	return &app.App{
		Postings: app.NewGroupCommitter(ledger, cfg.GroupSize, cfg.GroupTimeout), Ledger: ledger,
		Wallets: postgres.NewWallets(db), Transfers: postgres.NewTransfers(db), History: postgres.NewHistory(db),
		Payments: postgres.NewPayments(db), Holds: postgres.NewHolds(db), Disputes: postgres.NewDisputes(db), Directory: auth,
		Inbox:     postgres.NewInbox(db),
		Providers: providers(cfg, deps),
		NewID:     func() string { return uuid.Must(uuid.NewV7()).String() }, Now: deps.Now,
		DefaultCurrency: money.Currency(cfg.DefaultCurrency), WalletLimit: cfg.WalletLimit,
		Patience: app.Patience{
			PaymentPatience: cfg.PaymentPatience, LookAfter: cfg.PaymentLookAfter, LookWithin: cfg.PaymentLookWithin,
			PaymentTTL: cfg.PaymentTTL, Lease: cfg.PaymentLease, HoldTTL: cfg.HoldTTL,
		},
	}
}

func (s *Service) verifier(ctx context.Context, log *slog.Logger) (*token.Verifier, error) {
	keys, err := token.NewJWKS(ctx, s.cfg.jwksURL(), token.LogTo(log))
	if err != nil {
		return nil, err
	}
	return token.NewVerifier(token.Config{
		Issuer: s.cfg.Issuer, ClientIDs: s.cfg.ClientIDs, Leeway: s.cfg.TokenLeeway, Now: s.now, Log: log,
	}, keys, revoked{s.revocations})
}

// revoked is the revocations as package token asks for them.
type revoked struct{ known *app.Revocations }

func (r revoked) Revoked(_ context.Context, c token.Claims) (bool, error) {
	if !r.known.Ready() {
		return false, ports.ErrUnavailable // nobody is let in on what is not known yet
	}
	return r.known.Revoked(c.Subject, c.SessionID, c.IssuedAt), nil
}

func (s *Service) route(verifier *token.Verifier, deps Deps) {
	public, internal := httpserver.NewRouter(), httpserver.NewRouter()
	rest.Routes(public, s.app, verifier.Middleware, deps.Log)
	secured := token.RequireServiceToken(s.cfg.InternalToken.Reveal(), s.cfg.InternalTokenAlso.Reveal())
	rest.InternalRoutes(internal, s.app, secured, deps.Log)
	if s.events.Inbound != nil {
		internal.Handle("/internal/transaction/events", secured(httpevents.Handler(s.events.Inbound))).Methods(http.MethodPost)
	}
	s.public, s.internal = public, internal
}

func (s *Service) measure(reg prometheus.Registerer) {
	gauge := func(name, help string, read func(ctx context.Context) (float64, error)) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			value, err := read(ctx)
			if err != nil {
				return -1 // not known
			}
			return value
		}))
	}
	outbox.Measure(reg, s.db)
	reg.MustRegister(collectors.NewDBStatsCollector(s.db.DB, Schema))
	gauge("payments_open", "Payments whose outcome is not known.", func(ctx context.Context) (float64, error) {
		n, _, err := s.payments.Backlog(ctx)
		return float64(n), err
	})
	gauge("payments_oldest_open_seconds", "How old the oldest payment is whose outcome is not known.", func(ctx context.Context) (float64, error) {
		_, oldest, err := s.payments.Backlog(ctx)
		return oldest.Seconds(), err
	})
}

// Public is the routes for people and gateways, without the middleware of package httpserver:
// the process that serves them, perhaps beside another service's, puts that around once.
func (s *Service) Public() http.Handler { return s.public }

// Internal is the routes for other services, behind the service token.
func (s *Service) Internal() http.Handler { return s.internal }

// Health makes readiness depend on the database, and on knowing who logged out.
func (s *Service) Health(h *httpserver.Health) {
	h.Add("database of transaction", s.db.PingContext)
	h.Add("revocations", func(context.Context) error {
		if !s.revocations.Ready() {
			return errors.New("not loaded")
		}
		return nil
	})
}

// Reconcile compares a provider's list of a day with ours. Errors: as app.App.Reconcile.
func (s *Service) Reconcile(ctx context.Context, provider string, day time.Time, seen func(int)) (app.Reconciliation, error) {
	return s.app.Reconcile(ctx, provider, day, seen)
}

// Close gives the database sessions back.
func (s *Service) Close() error { return s.db.Close() }
