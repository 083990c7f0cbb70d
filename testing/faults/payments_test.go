package faults_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pspsim"
	"github.com/micropay/micropay/testing/torture"
)

// market is a world whose people pay in and out through providers that misbehave.
type market struct {
	*world
	sim *pspsim.Sim
	log bytes.Buffer // of the platform, which locks it

	mu   sync.Mutex
	asks []ask // that were answered with a payment
}

// ask is a payment that somebody asked for.
type ask struct {
	who        person
	id, path   string
	provider   string
	kind       string
	amount     int64
	answeredBy pspsim.Fault // the fault that was on
}

func newMarket(t *testing.T, env ...string) *market {
	t.Helper()
	sim := pspsim.New(t)
	m := &market{sim: sim}
	m.world = newWorld(t, options{people: 4, log: &m.log, env: append([]string{
		"PAYMENT_SANDBOX=true", "STRIPE_KEY=" + pspsim.StripeKey, "STRIPE_WEBHOOK_SECRET=" + pspsim.StripeWebhookSecret, "STRIPE_URL=" + sim.Stripe.URL(),
		"PAYPAL_CLIENT_ID=" + pspsim.PayPalClientID, "PAYPAL_SECRET=" + pspsim.PayPalSecret, "PAYPAL_WEBHOOK_ID=" + pspsim.PayPalWebhookID,
		"PAYPAL_URL=" + sim.PayPal.URL(), "PAYPAL_RETURN_URL=https://example.com/back", "PAYPAL_CANCEL_URL=https://example.com/no",
		"PSP_TIMEOUT=250ms", "PSP_BREAKER_MINIMUM_CALLS=100000", "PAYMENT_PATIENCE=1s", "PAYMENT_LOOK_AFTER=50ms", "PAYMENT_LOOK_WITHIN=300ms",
		"PAYMENT_LEASE=1s", "RECONCILE_INTERVAL=150ms",
	}, env...)})
	sim.Stripe.PayersAct(true)
	sim.PayPal.PayersAct(true)
	return m
}

func (m *market) side(provider string) *pspsim.Side {
	if provider == "stripe" {
		return m.sim.Stripe
	}
	return m.sim.PayPal
}

var paths = map[string]string{"topup": "topups", "refund": "refunds", "withdrawal": "withdrawals"}

// ask asks for a payment; a refusal moves nothing and is not kept.
func (m *market) ask(who person, kind, provider string, amount int64, topUp string, fault pspsim.Fault) answer {
	body := fields{"wallet_id": who.wallet, "amount": amount, "currency": "USD", "provider": provider}
	path := "/transaction/" + paths[kind]
	switch kind {
	case "withdrawal":
		body["destination"] = map[string]string{"stripe": "acct_1", "paypal": "payee@example.com"}[provider]
	case "refund":
		path, body = "/transaction/topups/"+topUp+"/refunds", fields{"amount": amount, "currency": "USD"}
	}
	a := m.call(who, uuid.NewString(), http.MethodPost, path, body)
	if a.Status == http.StatusCreated || a.Status == http.StatusAccepted {
		id := fmt.Sprint(a.Body["id"])
		m.mu.Lock()
		m.asks = append(m.asks, ask{who, id, "/transaction/" + paths[kind] + "/" + id, provider, kind, amount, fault})
		m.mu.Unlock()
	}
	return a
}

// tell delivers everything a provider has to tell, in any order and more than once.
func (m *market) tell(provider string) {
	side := m.side(provider)
	events := side.Events()
	rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for _, e := range events {
		for range 1 + rand.IntN(2) {
			_, _ = side.Deliver(m.t.Context(), m.platform.URL+"/transaction/webhooks/"+provider, e, pspsim.Signing{})
		}
	}
}

// settle waits until no outcome is open and holds every payment against what its provider did.
func (m *market) settle() (settled int) {
	m.t.Helper()
	moved := map[string]int64{} // by wallet
	for _, a := range m.asks {
		var got answer
		require.Eventually(m.t, func() bool {
			got = m.get(a.who, a.path)
			return slices.Contains([]any{"succeeded", "failed", "canceled", "refunded", "partially_refunded", "disputed"}, got.Body["status"])
		}, 30*time.Second, 20*time.Millisecond, "%s of %s after %q stays %v", a.kind, a.provider, a.answeredBy, a)
		amount, times := m.side(a.provider).Moved(a.id)
		if got.Body["status"] == "failed" || got.Body["status"] == "canceled" {
			require.Zero(m.t, times, "%s of %s after %q is %v, and was done", a.kind, a.provider, a.answeredBy, got.Body["status"])
			continue
		}
		require.Equal(m.t, 1, times, "%s of %s after %q is %v", a.kind, a.provider, a.answeredBy, got.Body["status"])
		require.Equal(m.t, a.amount, amount)
		settled++
		if a.kind == "topup" {
			moved[a.who.wallet] += amount
		} else {
			moved[a.who.wallet] -= amount
		}
	}
	for _, p := range m.people {
		require.EqualValues(m.t, start+moved[p.wallet], m.balance(p), "the balance is what the providers did")
	}
	known := map[string]bool{}
	for _, a := range m.asks {
		known[a.id] = true
	}
	for _, side := range []*pspsim.Side{m.sim.Stripe, m.sim.PayPal} {
		for _, o := range side.Truth() {
			require.True(m.t, o.State != pspsim.Done || known[o.PaymentID], "a payment that was answered with a refusal was done: %v", o)
		}
	}
	m.clean()
	return settled
}

// usable waits until a provider can be used: one that answered 429 asked to be left alone.
func (m *market) usable(who person, provider string) {
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		for _, p := range m.get(who, "/transaction/providers").Body["data"].([]any) {
			if p := p.(map[string]any); p["name"] == provider && p["status"] == "available" {
				return
			}
		}
	}
	m.t.Errorf("%s stays unusable", provider)
}

// bought is a top-up that has come in, to be given back.
func (m *market) bought(who person, provider string) string {
	m.t.Helper()
	id := fmt.Sprint(m.ask(who, "topup", provider, 50_000, "", pspsim.None).Body["id"])
	require.Eventually(m.t, func() bool {
		return m.get(who, "/transaction/topups/"+id).Body["status"] == "succeeded"
	}, 20*time.Second, 10*time.Millisecond)
	return id
}

// Whatever becomes of a call, its money moves once here and there, or at neither side, even if the
// client never asks again and no webhook ever comes.
func TestPayments_FaultMatrix(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	var providers sync.WaitGroup
	for _, provider := range []string{"stripe", "paypal"} {
		side := m.side(provider)
		who := m.people[map[string]int{"stripe": 0, "paypal": 1}[provider]]
		bought := m.bought(who, provider)
		providers.Go(func() {
			for range torture.Times() {
				for _, fault := range pspsim.Faults() {
					m.usable(who, provider)
					side.Fault(fault, -1, pspsim.Post)
					var calls sync.WaitGroup
					for _, kind := range []string{"topup", "withdrawal", "refund"} {
						calls.Go(func() {
							if a := m.ask(who, kind, provider, 1+rand.Int64N(50), bought, fault); a.Status == 0 {
								t.Errorf("%s of %s after %q: no answer", kind, provider, fault)
							}
						})
					}
					calls.Wait()
					side.Heal()
					if rand.IntN(2) == 0 {
						m.tell(provider)
					}
				}
			}
		})
	}
	providers.Wait()
	asked, settled := len(m.asks), m.settle()
	t.Logf("%d payments were answered, %d of them moved money", asked, settled)
	require.NoError(t, m.platform.Stop()) // nobody writes to its log any more
	require.NotEmpty(t, m.log.String())
	for _, secret := range []string{
		pspsim.StripeKey, pspsim.StripeWebhookSecret, pspsim.PayPalSecret, pspsim.PayPalToken, "_secret_for_tests", password,
	} {
		require.NotContains(t, m.log.String(), secret)
	}
	require.Greater(t, asked, 75*torture.Times(), "half of them at least")
	require.Greater(t, settled, asked/2)
}

// What comes at once, from several sides, has one effect.
func TestPayments_Races(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	t.Run("webhooks in any order and number", func(t *testing.T) { webhooksInAnyOrder(t, m) })
	t.Run("a capture from everywhere", func(t *testing.T) { captureFromEverywhere(t, m) })
	t.Run("a refund and a dispute", func(t *testing.T) { refundRacingDispute(t, m) })
}

// A webhook may come before the answer, many times at once, in any order, or never.
func webhooksInAnyOrder(t *testing.T, m *market) {
	for _, provider := range []string{"stripe", "paypal"} {
		for i := range 10 * torture.Times() {
			m.ask(m.people[i%4], "topup", provider, 1000, "", pspsim.None)
		}
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() { m.tell(provider) })
		}
		senders.Wait()
	}
	m.settle()
}

// The payer comes back, the provider tells, the worker looks and the payer comes back once more,
// all at once.
func captureFromEverywhere(t *testing.T, m *market) {
	for range 5 * torture.Times() {
		a := m.ask(m.people[0], "topup", "paypal", 700, "", pspsim.None)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				var got answer
				for range 10 { // a 503 asks for it
					got = m.call(m.people[0], "", http.MethodPost, "/transaction/topups/"+fmt.Sprint(a.Body["id"])+"/confirm", nil)
					if got.Status != http.StatusServiceUnavailable {
						break
					}
				}
				if got.Status != http.StatusOK {
					t.Errorf("confirm: %d %s", got.Status, got.Text)
				}
			})
		}
		wg.Go(func() { m.tell("paypal") })
		wg.Wait()
	}
	m.settle()
}

// The owner gives a top-up back while its payer's bank takes it back.
func refundRacingDispute(t *testing.T, m *market) {
	who := m.people[0]
	for range 3 * torture.Times() {
		a := m.ask(who, "topup", "stripe", 1000, "", pspsim.None)
		id := fmt.Sprint(a.Body["id"])
		require.Eventually(t, func() bool { return m.get(who, "/transaction/topups/"+id).Body["status"] == "succeeded" }, 10*time.Second, 10*time.Millisecond)
		var wg sync.WaitGroup
		var ref string
		wg.Go(func() { m.ask(who, "refund", "stripe", 400, id, pspsim.None) })
		wg.Go(func() {
			var err error
			if ref, err = m.sim.Stripe.Dispute(id, 600); err != nil {
				t.Error(err)
			}
			m.tell("stripe")
		})
		wg.Wait()
		require.Eventually(t, func() bool { return m.get(who, "/transaction/topups/"+id).Body["status"] == "disputed" }, 10*time.Second, 10*time.Millisecond)
		require.NoError(t, m.sim.Stripe.CloseDispute(ref, true))
		m.tell("stripe")
		require.Eventually(t, func() bool { return m.get(who, "/transaction/topups/"+id).Body["status"] != "disputed" }, 10*time.Second, 10*time.Millisecond)
	}
	m.settle()
}

// While a provider hangs, people pay each other, and the other provider works.
func TestProviderThatHangs_SlowsNobodyElse(t *testing.T) {
	t.Parallel()
	m := newMarket(t, "PSP_TIMEOUT=2s", "PSP_MAX_IN_FLIGHT=8")
	typical := func() time.Duration {
		took := make([]time.Duration, 200)
		for i := range took {
			a := m.pay(m.people[2], m.people[3], 1, uuid.NewString())
			require.Equal(t, http.StatusCreated, a.Status, a.Text)
			took[i] = a.Took
		}
		slices.Sort(took)
		return took[len(took)*95/100]
	}
	before := typical()
	m.sim.Stripe.Fault(pspsim.HangBefore, -1, pspsim.Post)
	stop := make(chan struct{})
	var hanging sync.WaitGroup
	for range 10 {
		hanging.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if m.ask(m.people[0], "topup", "stripe", 5, "", pspsim.HangBefore).Status == http.StatusServiceUnavailable {
						time.Sleep(20 * time.Millisecond) // as a client backs off
					}
				}
			}
		})
	}
	require.Eventually(t, func() bool { return len(m.sim.Stripe.Requests()) >= 8 }, 10*time.Second, time.Millisecond)
	during := typical()
	other := m.ask(m.people[1], "topup", "paypal", 5, "", pspsim.None)
	require.Equal(t, http.StatusAccepted, other.Status, other.Text)
	close(stop)
	hanging.Wait()
	t.Logf("19 of 20 transfers took less than %v, and %v while a provider hung", before, during)
	require.Less(t, during, time.Second, "nobody waits for it")
	m.sim.Stripe.Heal()
	m.asks = slices.DeleteFunc(m.asks, func(a ask) bool { return a.provider == "stripe" }) // they are looked after by and by
	require.Eventually(t, func() bool { return m.get(m.people[1], m.asks[0].path).Body["status"] == "succeeded" }, 20*time.Second, 20*time.Millisecond)
}

// A provider that fails every call is left alone, is not asked while it is, and is taken back
// when it answers.
func TestBreaker_LeavesADeadProviderAlone(t *testing.T) {
	t.Parallel()
	m := newMarket(t, "PSP_BREAKER_MINIMUM_CALLS=10", "PSP_BREAKER_OPEN_FOR=5s", "PSP_BREAKER_HALF_OPEN_CALLS=2", "PAYMENT_LOOK_AFTER=20s", "PAYMENT_LOOK_WITHIN=20s")
	m.sim.Stripe.Fault(pspsim.Error500Before, -1, nil)
	refused := 0
	for i := 0; refused == 0; i++ {
		require.Less(t, i, 15, "it opens")
		if m.ask(m.people[0], "topup", "stripe", 5, "", pspsim.Error500Before).Status == http.StatusServiceUnavailable {
			refused++
		}
	}
	seen := len(m.sim.Stripe.Requests())
	require.LessOrEqual(t, seen, 10)
	for range 20 {
		a := m.ask(m.people[0], "topup", "stripe", 5, "", pspsim.None)
		require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
		require.Equal(t, "provider_unavailable", a.code())
		require.NotEmpty(t, a.Header.Get("Retry-After"))
		refused++
	}
	require.Len(t, m.sim.Stripe.Requests(), seen, "none of them reached it")
	t.Logf("%d calls were refused at once; the provider saw %d while it was dead", refused, seen)
	m.sim.Stripe.Heal()
	require.Eventually(t, func() bool {
		return m.ask(m.people[0], "topup", "stripe", 5, "", pspsim.None).Status == http.StatusAccepted
	}, 30*time.Second, 50*time.Millisecond)
}
