// Package auth wires the auth service: who people are, and the tokens that say so.
//
// Start with domain for the rules, app for what can be done, and this file for how the parts are
// put together; cmd/auth, the all-in-one program and the tests use the same New.
package auth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/micropay/micropay/auth/adapters/letters"
	"github.com/micropay/micropay/auth/adapters/localidp"
	"github.com/micropay/micropay/auth/adapters/postgres"
	"github.com/micropay/micropay/auth/adapters/rest"
	"github.com/micropay/micropay/auth/adapters/subscriber"
	"github.com/micropay/micropay/auth/adapters/transactionapi"
	"github.com/micropay/micropay/auth/adapters/unitext"
	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/shared/awsconfig"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/httpevents"
	"github.com/micropay/micropay/shared/events/transport"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/outbox"
	"github.com/micropay/micropay/shared/peer"
	"github.com/micropay/micropay/shared/process"
	"github.com/micropay/micropay/shared/token"
)

// Deps are what a process gives the service; all but Log may be left out.
type Deps struct {
	Log *slog.Logger
	Now func() time.Time // time.Now
	// Registry takes the metrics of the calls to other services.
	Registry prometheus.Registerer
	// AWS is what the clients of AWS are made of; read from the environment as its SDK documents.
	AWS *aws.Config
	// Transaction calls the transaction service, with timeout, retry, breaker and service token.
	Transaction *http.Client
	// Bus carries events within the process, where there is no SNS.
	Bus *events.Bus
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

// Schema is the name of the service's schema; its roles are micropay_auth and micropay_auth_owner.
const Schema = "auth"

// Migrate brings the schema up to date, as its owner.
func Migrate(ctx context.Context, ownerDSN string) error {
	return database.Migrate(ctx, ownerDSN, Schema, migrations.FS)
}

// Service is a wired auth service.
type Service struct {
	cfg        Config
	log        *slog.Logger
	db         *sqlx.DB
	app        *app.App
	letters    *postgres.LetterBox
	identities identities
	events     *transport.Transport
	feedback   *events.Consumer // nil: none comes
	verifier   *token.Verifier
	public     http.Handler
	internal   http.Handler
}

// New wires the service of a valid configuration. It does not wait for the database.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("auth: configuration: %w", err)
	}
	if cfg.UsesCognito() {
		warnOfIgnored(ctx, cfg, deps.Log)
	}
	cfg = cfg.withDefaults()
	deps = deps.withDefaults()
	post, err := cfg.mail(ctx, deps)
	if err != nil {
		return nil, fmt.Errorf("auth: mail: %w", err)
	}
	other, err := peer.New(ctx, peer.Config{
		Name: "transaction", Variable: "TRANSACTION_URL", Address: cfg.TransactionURL, Token: cfg.InternalToken.Reveal(),
		Calls: cfg.TransactionClient, Instances: cfg.TransactionInstances, Log: deps.Log, Registry: deps.Registry, HTTP: deps.Transaction,
	})
	if err != nil {
		return nil, fmt.Errorf("auth: configuration: %w", err)
	}
	db, err := openDatabase(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	s := &Service{db: db, cfg: cfg, log: deps.Log, letters: postgres.NewLetterBox(db, deps.Log)}
	if s.identities, err = chooseIdentities(ctx, cfg, deps, db, post); err != nil {
		return nil, errors.Join(fmt.Errorf("auth: identity provider: %w", err), db.Close())
	}
	if err := s.wire(ctx, deps, post, other); err != nil {
		return nil, errors.Join(fmt.Errorf("auth: %w", err), db.Close())
	}
	return s, nil
}

// wire puts the parts together.
func (s *Service) wire(ctx context.Context, deps Deps, post post, other peer.Peer) (err error) {
	cfg, db, revocations := s.cfg, s.db, postgres.NewRevocations(s.db)
	s.verifier, err = token.NewVerifier(token.Config{
		Issuer: cfg.Issuer, ClientIDs: []string{s.identities.clientID}, Leeway: cfg.TokenLeeway, Now: deps.Now, Log: deps.Log,
	}, s.identities.keys, revoked{revocations})
	if err != nil {
		return err
	}
	s.app = app.New(app.Deps{
		Identities: s.identities, Users: postgres.NewUsers(db, deps.Now), Revocations: revocations,
		Wallets: transactionapi.New(other.Base, other.HTTP), Text: unitext.Text{},
		LetterBox: s.letters, Letters: letters.New(), Mailer: post, Now: deps.Now,
		Passwords: domain.PasswordPolicy{MinLength: cfg.PasswordMinLength}, VerifiedOnly: cfg.RequireVerifiedEmail,
	})
	s.events, err = transport.New(ctx, cfg.Events, transport.Service{
		Name: Schema, QueueURL: cfg.QueueURL, DB: db, DSN: cfg.Database.DSN(), Schema: Schema, Handle: subscriber.Handle(s.app),
		Log: deps.Log, Registry: deps.Registry, Bus: deps.Bus,
		Peers: map[string]events.Sink{"transaction": httpevents.Sink{URL: other.Base + "/internal/transaction/events", HTTP: other.HTTP}},
		AWS:   func(ctx context.Context) (aws.Config, error) { return awsconfig.Load(ctx, deps.AWS, cfg.AWSRegion) },
	})
	if err != nil {
		return err
	}
	if s.feedback, err = s.mailFeedback(ctx, deps); err != nil {
		return err
	}
	outbox.Measure(deps.Registry, db)
	deps.Registry.MustRegister(collectors.NewDBStatsCollector(db.DB, Schema))
	servicesOnly := token.RequireServiceToken(cfg.InternalToken.Reveal(), cfg.InternalTokenAlso.Reveal())
	routes := rest.Config{
		Issuer: cfg.Issuer, Managed: cfg.UsesCognito(), JWKS: s.identities.jwks, Verifier: s.verifier, ServicesOnly: servicesOnly,
		ClientAddress: cfg.HTTP.ClientAddr, Log: deps.Log, Mailbox: post.list,
	}
	s.public, s.internal = rest.Public(s.app, routes), rest.Internal(s.app, routes)
	if s.events.Inbound != nil {
		internal := http.NewServeMux()
		internal.Handle("/", s.internal)
		internal.Handle("POST /internal/auth/events", servicesOnly(httpevents.Handler(s.events.Inbound)))
		s.internal = internal
	}
	deps.Log.InfoContext(ctx, "events travel", "by", s.events.How)
	return nil
}

func openDatabase(ctx context.Context, cfg Config) (*sqlx.DB, error) {
	d := cfg.Database
	return database.Open(ctx, database.Config{
		DSN: d.DSN(), ApplicationName: "micropay auth", SearchPath: Schema, MaxOpen: d.MaxOpen, ConnectTimeout: d.ConnectTimeout,
		StatementTimeout: d.StatementTimeout, LockTimeout: d.LockTimeout, IdleInTx: d.IdleInTx,
	})
}

// Public is the routes for people and gateways, without the middleware of package httpserver:
// the process that serves them, perhaps beside another service's, puts that around once.
func (s *Service) Public() http.Handler { return s.public }

// Internal is the routes for other services, behind the service token.
func (s *Service) Internal() http.Handler { return s.internal }

// Verifier checks access tokens against this service's own keys and revocations.
func (s *Service) Verifier() *token.Verifier { return s.verifier }

// Health makes readiness depend on the database.
func (s *Service) Health(h *httpserver.Health) {
	h.Add("database of auth", s.db.PingContext)
}

// Run does what nobody calls for, until ctx ends: it writes mail, relays and consumes events and
// keeps house. Trouble is logged and tried again.
func (s *Service) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	workers.Go(func() { s.identities.run(ctx) })
	workers.Go(func() { s.events.Relay.Run(ctx) })
	workers.Go(func() { s.events.Consumer.Run(ctx) })
	if s.feedback != nil {
		workers.Go(func() { s.feedback.Run(ctx) })
	}
	workers.Go(func() { process.Every(ctx, s.log, s.cfg.MailEvery, "letters not sent", s.app.SendLetters) })
	workers.Go(func() {
		process.Every(ctx, s.log, time.Hour, "house not kept", func(ctx context.Context) error {
			if err := s.letters.Forget(ctx, s.cfg.Events.Keep); err != nil {
				return err
			}
			return outbox.Purge(ctx, s.db, s.cfg.Events.Keep)
		})
	})
	workers.Wait()
	return nil
}

// RotateSigningKey makes a new signing key, which is published at once and signs after
// SIGNING_KEY_LEAD; tokens of the old one stay good until they expire.
func (s *Service) RotateSigningKey(ctx context.Context) error { return s.identities.rotate(ctx) }

// Close gives the database sessions back.
func (s *Service) Close() error { return s.db.Close() }

// keys is the provider's keyring as package token asks for it.
type keys struct{ ring *localidp.Keyring }

func (k keys) Key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	key, err := k.ring.Key(ctx, kid)
	if errors.Is(err, localidp.ErrUnknownKey) {
		return nil, errors.Join(token.ErrInvalid, err)
	}
	return key, err
}

// revoked is the feed as package token asks for it.
type revoked struct{ feed *postgres.Revocations }

func (r revoked) Revoked(ctx context.Context, c token.Claims) (bool, error) {
	return r.feed.Revoked(ctx, c.Subject, c.SessionID, c.IssuedAt)
}
