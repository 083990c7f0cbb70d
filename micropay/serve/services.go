package serve

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/micropay/micropay/auth"
	authrest "github.com/micropay/micropay/auth/adapters/rest"
	"github.com/micropay/micropay/shared/apidocs"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/problem"
	"github.com/micropay/micropay/shared/telemetry"
	"github.com/micropay/micropay/transaction"
	transactionrest "github.com/micropay/micropay/transaction/adapters/rest"
)

// services are the two that the platform is made of.
type services struct {
	auth        *auth.Service
	transaction *transaction.Service
	// fromAuth serves transaction's internal routes once it is wired.
	fromAuth atomic.Pointer[http.Handler]
}

// services wires both; opened is called between them, when auth can be asked for its keys.
// Their context is the platform's life, not that of its start.
func (b *building) services(registry *prometheus.Registry, opened func(*services)) (s *services, err error) {
	s = &services{}
	ctx, cancel := context.WithCancel(context.Background())
	b.later(func() error { cancel(); return nil })
	labelled := func(service string) prometheus.Registerer {
		return prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, registry)
	}
	log := b.c.Log
	bus := &events.Bus{}
	s.auth, err = auth.New(ctx, b.c.Auth, auth.Deps{Log: log.With("part", "auth"), Registry: labelled("auth"), Bus: bus})
	if err != nil {
		return s, err
	}
	b.later(s.auth.Close)
	opened(s)
	log = log.With("part", "transaction")
	s.transaction, err = transaction.New(ctx, b.c.Transaction, transaction.Deps{Log: log, Registry: labelled("transaction"), Bus: bus})
	if err != nil {
		return s, err
	}
	b.later(s.transaction.Close)
	internal := s.transaction.Internal()
	s.fromAuth.Store(&internal)
	return s, nil
}

// publicRoutes are all that people and gateways may reach. Metrics are not among them.
func (s *services) publicRoutes(health *httpserver.Health) (http.Handler, error) {
	docs, err := apidocs.Handler(apidocs.Info{
		Title: "MicroPay", Version: "1", Description: "Wallets, top-ups and transfers of money, and the people they belong to.",
	}, authrest.OpenAPI, transactionrest.OpenAPI)
	if err != nil {
		return nil, err
	}
	r := httpserver.NewRouter()
	health.Routes(r)
	r.PathPrefix("/transaction/").Handler(s.transaction.Public())
	for _, prefix := range []string{"/auth/", "/.well-known/", "/dev/"} {
		r.PathPrefix(prefix).Handler(s.auth.Public())
	}
	r.Handle("/openapi.json", docs)
	r.Handle("/docs", docs)
	r.PathPrefix("/docs/").Handler(docs)
	return r, nil
}

// internalRoutes are what the services ask of each other, and the metrics.
func (s *services) internalRoutes(registry *prometheus.Registry) http.Handler {
	r := httpserver.NewRouter()
	r.Handle("/metrics", telemetry.MetricsHandler(registry)).Methods(http.MethodGet)
	r.Handle("/.well-known/jwks.json", s.auth.Public()).Methods(http.MethodGet)
	r.PathPrefix("/internal/auth/").Handler(s.auth.Internal())
	r.PathPrefix("/internal/transaction/").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := s.fromAuth.Load(); h != nil {
			(*h).ServeHTTP(w, r)
			return
		}
		problem.Write(w, problem.New(http.StatusServiceUnavailable, "unavailable", "the service is starting"))
	})
	return r
}
