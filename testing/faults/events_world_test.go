package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	authmigrations "github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/events/transport"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/testing/awsfault"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/goaws"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/transaction"
	"github.com/micropay/micropay/transaction/migrations"
)

// eventWorld is both services on a database of their own, whose events and mail go through an AWS
// that misbehaves.
type eventWorld struct {
	*world
	db       *pgtest.DB
	aws      *awsfault.Proxy
	names    queues.Names
	mail     *mailbox
	log      *logs
	registry *prometheus.Registry
	auth     *auth.Service
	money    *transaction.Service
	env      map[string][]string // by service
	topic    *heardOnTopic
	bus      *events.Bus // nil: SNS and SQS
}

type eventOptions struct {
	fifo   bool
	people int
	idle   string // the service whose workers do not run here
	env    []string
	bus    bool // there is no SNS: events travel within the process
}

func newEventWorld(t testing.TB, o eventOptions) *eventWorld {
	t.Helper()
	proxy := awsfault.New(t, goaws.New(t).URL)
	w := &eventWorld{
		world: &world{t: t}, aws: proxy, names: queues.Provision(t, proxy.AWSConfig(), o.fifo, "auth", "transaction"), log: &logs{},
		db:   pgtest.New(t, pgtest.Schema{Name: "auth", FS: authmigrations.FS}, pgtest.Schema{Name: transaction.Schema, FS: migrations.FS}),
		mail: &mailbox{}, registry: prometheus.NewRegistry(), topic: &heardOnTopic{},
	}
	w.admin = w.db.Admin
	proxy.Serve("SendEmail", w.mail)
	proxy.Observe("PublishBatch", w.topic.hear)
	var public, internal atomic.Pointer[http.Handler]
	outside, inside := lateServer(t, &public), lateServer(t, &internal)
	w.platform = &serve.Platform{URL: outside, InternalURL: inside}
	if o.bus {
		w.bus = &events.Bus{}
	}
	w.configure(o.env)
	w.build(&public, &internal)
	for name, run := range map[string]func(context.Context) error{"auth": w.auth.Run, "transaction": w.money.Run} {
		if name != o.idle {
			w.running(run)
		}
	}
	if o.idle == "transaction" { // which is not ready without them
		return w
	}
	require.Eventually(t, func() bool { return probe(w.platform, "/readyz") == http.StatusOK }, 30*time.Second, 20*time.Millisecond, "%s", w.log)
	for i := range o.people {
		w.people = append(w.people, w.register(fmt.Sprintf("person%d@example.com", i)))
	}
	return w
}

// lateServer serves what is built later.
func lateServer(t testing.TB, h *atomic.Pointer[http.Handler]) (address string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if built := h.Load(); built != nil {
			(*built).ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// configure is the environment of both services, here and in processes of their own.
func (w *eventWorld) configure(more []string) {
	inside := w.platform.InternalURL
	common := append([]string{
		"LOCAL_MODE=true", "AUTH_ISSUER=https://pay.example", "INTERNAL_TOKEN=between-services-canary", "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1",
		"AUTH_URL=" + inside, "TRANSACTION_URL=" + inside, "AUTH_JWKS_URL=" + inside + "/.well-known/jwks.json", "PAYMENT_SANDBOX=true",
		"AWS_REGION=us-east-1", "SES_FROM=no-reply@pay.example", "MAIL_POLL=20ms", "EVENTS_VISIBILITY=2s", "EVENTS_WAIT=1s",
		"EVENTS_FIRST_RETRY=10ms", "OUTBOX_POLL=20ms", "OUTBOX_LEASE=2s", "REVOCATION_POLL=50ms", "DATABASE_MAX_OPEN_CONNS=8", "RATE_LIMIT=0",
		"AWS_ENDPOINT_URL=" + w.aws.URL,
	}, more...)
	if w.bus == nil {
		common = append(common, "SNS_TOPIC_ARN="+w.names.Topic, "AUTH_QUEUE_URL="+w.names.Queues["auth"], "TRANSACTION_QUEUE_URL="+w.names.Queues["transaction"])
	}
	w.env = map[string][]string{}
	for service, roles := range w.db.Roles {
		w.env[service] = append([]string{"DATABASE_URL=" + roles.App}, common...)
	}
}

func (w *eventWorld) build(public, internal *atomic.Pointer[http.Handler]) {
	w.auth = w.newAuth(w.registry)
	keys := w.auth.Public()
	internal.Store(&keys)
	cfg, err := config.Load[transaction.Config](w.env["transaction"])
	require.NoError(w.t, err)
	clients := w.aws.AWSConfig()
	w.money, err = transaction.New(w.t.Context(), cfg, transaction.Deps{
		Log: w.log.logger(), AWS: &clients, Bus: w.bus, Registry: prometheus.WrapRegistererWith(prometheus.Labels{"service": "transaction"}, w.registry),
	})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = w.money.Close() })
	around := httpserver.Middleware(httpserver.Options{Log: w.log.logger(), Registry: prometheus.NewRegistry(), Config: cfg.HTTP})
	health := httpserver.NewHealth()
	w.auth.Health(health)
	w.money.Health(health)
	out, in := httpserver.NewRouter(), httpserver.NewRouter()
	health.Routes(out)
	out.PathPrefix("/transaction/").Handler(w.money.Public())
	out.PathPrefix("/").Handler(w.auth.Public())
	in.PathPrefix("/internal/transaction/").Handler(w.money.Internal())
	in.PathPrefix("/internal/auth/").Handler(w.auth.Internal())
	in.PathPrefix("/").Handler(w.auth.Public())
	outside, inside := around(out), http.Handler(in)
	public.Store(&outside)
	internal.Store(&inside)
}

// newAuth is an auth service; another is a replica.
func (w *eventWorld) newAuth(registry prometheus.Registerer) *auth.Service {
	w.t.Helper()
	cfg, err := config.Load[auth.Config](w.env["auth"])
	require.NoError(w.t, err)
	clients := w.aws.AWSConfig()
	s, err := auth.New(w.t.Context(), cfg, auth.Deps{
		Log: w.log.logger(), AWS: &clients, Bus: w.bus, Registry: prometheus.WrapRegistererWith(prometheus.Labels{"service": "auth"}, registry),
	})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = s.Close() })
	return s
}

// authDeadLetters are those of the auth service's queue in SQS, as an operator holds them.
func (w *eventWorld) authDeadLetters() events.DeadLetters {
	w.t.Helper()
	cfg, err := config.Load[auth.Config](w.env["auth"])
	require.NoError(w.t, err)
	dead, err := transport.DeadLetters(w.t.Context(), cfg.Events, transport.Service{
		Name: auth.Schema, QueueURL: cfg.QueueURL, AWS: func(context.Context) (aws.Config, error) { return w.aws.AWSConfig(), nil },
	})
	require.NoError(w.t, err)
	return dead
}

// running runs workers until stop, or the end of the test.
func (w *eventWorld) running(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	w.t.Cleanup(stop)
	return stop
}

// deed is a transfer that was answered with 201.
type deed struct {
	id       string
	from, to person
}

// payments makes n transfers round the circle, several at a time.
func (w *eventWorld) payments(n int) []deed {
	w.t.Helper()
	deeds := make([]deed, n)
	atOnce(n, 8, func(i int) {
		from, to := w.people[i%len(w.people)], w.people[(i+1)%len(w.people)]
		a := w.pay(from, to, 1+i%50, fmt.Sprintf("%p-%d-%d", deeds, time.Now().UnixNano(), i))
		if a.Status != http.StatusCreated {
			w.t.Errorf("%d %s", a.Status, a.Text)
		}
		deeds[i] = deed{fmt.Sprint(a.Body["id"]), from, to}
	})
	return deeds
}

func (w *eventWorld) count(query string) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.admin.GetContext(w.t.Context(), &n, query))
	return n
}

const unpublishedSQL = `SELECT (SELECT count(*) FROM transaction.outbox WHERE published_at IS NULL) + (SELECT count(*) FROM auth.outbox WHERE published_at IS NULL)`

// relayed waits until every event is out.
func (w *eventWorld) relayed() {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.count(unpublishedSQL) == 0 }, time.Minute, 20*time.Millisecond, "%s", w.log)
}

// settled waits until auth has promised the letters about all top-ups so far.
func (w *eventWorld) settled() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		return w.count(`SELECT count(*) FROM transaction.payment p WHERE NOT EXISTS (SELECT FROM auth.inbox i WHERE i.event_id = p.id)`) == 0
	}, time.Minute, 20*time.Millisecond, "%s", w.log)
}

// told waits until both sides of each transfer have their letter and no letter is left, and demands
// that nobody got two.
func (w *eventWorld) told(deeds []deed) {
	w.t.Helper()
	w.relayed()
	require.Eventually(w.t, func() bool {
		for _, d := range deeds {
			if w.mail.about(d.from, d.id) == 0 || w.mail.about(d.to, d.id) == 0 {
				return false
			}
		}
		return w.count(`SELECT count(*) FROM auth.letter`) == 0
	}, time.Minute, 50*time.Millisecond, "letters missing: %s", w.log)
	for _, d := range deeds {
		require.Equal(w.t, 1, w.mail.about(d.from, d.id), "sent")
		require.Equal(w.t, 1, w.mail.about(d.to, d.id), "received")
	}
}

// publishedIsCommitted demands OR8: what was told is what stands in the ledger, no more and no less.
func (w *eventWorld) publishedIsCommitted() {
	w.t.Helper()
	var committed []string
	require.NoError(w.t, w.admin.SelectContext(w.t.Context(), &committed, `SELECT id::text FROM transaction.transfer
		UNION ALL SELECT id::text FROM transaction.payment WHERE status IN ('succeeded', 'failed', 'canceled')`))
	told := map[string]bool{}
	for _, e := range w.topic.events() {
		if e.Source == "/micropay/transaction" {
			told[e.ID] = true
		}
	}
	for _, id := range committed {
		require.True(w.t, told[id], "%s was committed and not told", id)
	}
	require.Len(w.t, told, len(committed), "something was told that was not committed")
}

// metric is the value of a gauge or counter of a service.
func (w *eventWorld) metric(service, name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	require.NoError(w.t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == service {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	w.t.Fatalf("no metric %s", name)
	return 0
}

// TestMain makes this program a service's workers where the variable names one: what can be killed.
func TestMain(m *testing.M) {
	if service := os.Getenv(childVariable); service != "" {
		child(service)
		return
	}
	os.Exit(m.Run())
}
