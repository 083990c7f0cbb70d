package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/micropay/home"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/telemetry"
)

// Platform is a MicroPay that runs.
type Platform struct {
	URL         string // of the public routes
	InternalURL string // of internal routes and /metrics
	Database    string // which PostgreSQL it is, in words
	AdminDSN    string // its administrator's address

	stop  func() error
	fault chan error
}

// Fault tells when a part of the platform ended by itself; the rest is to be stopped then.
func (p *Platform) Fault() <-chan error { return p.fault }

// Stop drains: first readiness ends, then no request is taken any more and those under way are
// finished, then the workers stop, PostgreSQL last. Errors: requests that had to be cut off.
func (p *Platform) Stop() error { return p.stop() }

// Start returns when the platform serves. ctx bounds the start only.
func Start(ctx context.Context, c Config) (*Platform, error) {
	b := &building{c: c.quiet()}
	p, err := b.build(ctx)
	if err != nil {
		return nil, errors.Join(err, b.undo())
	}
	p.stop = sync.OnceValue(b.undo)
	return p, nil
}

func (c Config) quiet() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// building is a platform whose parts are started one after the other, and stopped in reverse.
type building struct {
	c        Config
	undoings []func() error
}

func (b *building) later(f func() error) { b.undoings = append(b.undoings, f) }

func (b *building) undo() error {
	var errs []error
	for len(b.undoings) > 0 {
		last := len(b.undoings) - 1
		errs = append(errs, b.undoings[last]())
		b.undoings = b.undoings[:last]
	}
	return errors.Join(errs...)
}

// background runs work until it is undone.
func (b *building) background(work func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(ctx)
	}()
	b.later(func() error {
		cancel()
		<-done
		return nil
	})
}

func (b *building) build(ctx context.Context) (*Platform, error) {
	h, err := home.Open(b.c.Data)
	if err != nil {
		return nil, err
	}
	release, err := h.Reserve()
	if err != nil {
		return nil, err
	}
	b.later(func() error { release(); return nil })
	// A taken port is to be known before anything else is started.
	outside, err := b.listen(ctx, "LISTEN_ADDR", b.c.Addr)
	if err != nil {
		return nil, err
	}
	inside, err := b.listen(ctx, "INTERNAL_ADDR", b.c.InternalAddr)
	if err != nil {
		return nil, err
	}
	p := &Platform{URL: address(outside), InternalURL: address(inside), fault: make(chan error, 4)}
	dsn, err := b.database(ctx, h, p)
	if err != nil {
		return nil, err
	}
	b.settle(h, p, dsn)
	return p, b.run(ctx, p, outside, inside)
}

func (b *building) listen(ctx context.Context, name, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: another program listens on %s; stop it, or set %s to another address", name, addr, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b.later(func() error {
		_ = l.Close() // it is closed already when its server has drained
		return nil
	})
	return l, nil
}

// address is how this machine reaches a listener.
func address(l net.Listener) string {
	host, port, _ := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() || ip.IsLoopback() && ip.To4() != nil {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// database starts PostgreSQL and looks after it.
func (b *building) database(ctx context.Context, h *home.Home, p *Platform) (addresses, error) {
	d, err := h.Own(ctx, b.c.DatabaseOptions())
	if err != nil {
		return addresses{}, err
	}
	b.later(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		return d.Stop(ctx)
	})
	b.background(func(ctx context.Context) { d.Keep(ctx, b.c.Log) })
	p.Database, p.AdminDSN = d.How, d.DSN
	of, err := b.c.passwordsFor(d.DSN, h.Secret)
	if err != nil {
		return addresses{}, err
	}
	return prepare(ctx, d.DSN, of)
}

// settle fills in what the services could not be told before.
func (b *building) settle(h *home.Home, p *Platform, dsn addresses) {
	a, t := &b.c.Auth, &b.c.Transaction
	a.Database.URL, t.Database.URL = dsn.auth, dsn.transaction
	a.TransactionURL, t.AuthURL = p.InternalURL, p.InternalURL
	if t.JWKSURL == "" {
		t.JWKSURL = p.InternalURL + "/.well-known/jwks.json" // where no caller's limits apply
	}
	if b.c.ownIssuer {
		_, port, _ := net.SplitHostPort(p.URL[len("http://"):])
		a.Issuer = "http://localhost:" + port
		t.Issuer = a.Issuer
	}
	if b.c.ownToken {
		a.InternalToken = config.Secret(h.Secret("between services"))
		t.InternalToken = a.InternalToken
	}
	if b.c.ownMail {
		a.MailDir = h.Path("mail")
	}
}

// run wires the services and serves them.
func (b *building) run(ctx context.Context, p *Platform, outside, inside net.Listener) error {
	log := b.c.Log
	stopTracing, err := telemetry.StartTracing(ctx, b.c.Telemetry, "micropay", log)
	if err != nil {
		return err
	}
	b.later(func() error { return stopTracing(context.Background()) })
	registry := telemetry.NewRegistry()
	s, err := b.services(registry, func(s *services) {
		b.serve(p, "internal", inside, s.internalRoutes(registry), httpserver.NewHealth(), registry)
	})
	if err != nil {
		return err
	}
	health := httpserver.NewHealth()
	s.auth.Health(health)
	s.transaction.Health(health)
	public, err := s.publicRoutes(health)
	if err != nil {
		return err
	}
	b.work(p, "auth", s.auth.Run)
	b.work(p, "transaction", s.transaction.Run)
	b.serve(p, "public", outside, public, health, registry)
	log.InfoContext(ctx, "serving", "url", p.URL, "internal_url", p.InternalURL, "issuer", b.c.Auth.Issuer)
	return nil
}

// work runs a service's workers; their ending early is a fault of the platform.
func (b *building) work(p *Platform, name string, run func(context.Context) error) {
	b.background(func(ctx context.Context) {
		if err := run(ctx); ctx.Err() == nil {
			p.fault <- fmt.Errorf("the workers of %s ended: %w", name, orUnknown(err))
		}
	})
}

// serve serves on a port until it is undone, which takes as long as draining takes.
func (b *building) serve(p *Platform, name string, l net.Listener, h http.Handler, health *httpserver.Health, registry prometheus.Registerer) {
	limits := b.c.Auth.HTTP
	if name == "internal" { // our own services call here, and nobody balances load
		limits.DrainDelay, limits.RateLimit = 0, 0
	}
	h = httpserver.Middleware(httpserver.Options{
		Config: limits, Log: b.c.Log, Registry: prometheus.WrapRegistererWith(prometheus.Labels{"port": name}, registry),
	})(h)
	server := httpserver.NewServer(limits, h, health, b.c.Log)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		err := server.Serve(ctx, l)
		result <- err
		if ctx.Err() == nil {
			p.fault <- fmt.Errorf("the %s port: %w", name, orUnknown(err))
		}
	}()
	b.later(func() error {
		cancel()
		return <-result
	})
}

func orUnknown(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}
