package stripe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v84/webhook"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/testing/contract/transactionports"
	"github.com/micropay/micropay/testing/pspsim"
	"github.com/micropay/micropay/transaction/adapters/stripe"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func provider(url string) *stripe.Provider {
	return stripe.New(stripe.Config{
		Key: pspsim.StripeKey, WebhookSecret: pspsim.StripeWebhookSecret, URL: url, HTTP: transactionports.ProviderClient("stripe", ""),
	})
}

func TestStripe_Contract(t *testing.T) {
	t.Parallel()
	transactionports.RunPaymentProvider(t, func(t *testing.T) transactionports.ProviderWorld {
		t.Helper()
		side := pspsim.New(t).Stripe
		p := provider(side.URL())
		return transactionports.ProviderWorld{
			PaymentProvider: p, Notifications: p, Statements: p, Name: stripe.Name, Side: side, Destination: "acct_1", Nowhere: "acct_missing",
		}
	})
}

func payment(kind domain.PaymentKind) domain.Payment {
	return domain.Payment{
		ID: "019c5a00-0000-7000-8000-000000000001", Kind: kind, Amount: money.Money{Amount: 5000, Currency: "USD"}, ParentRef: "pi_1",
		Destination: "acct_1", CreatedAt: time.Now(),
	}
}

// described is a provider that speaks to stripe-mock, which checks each request against Stripe's own
// OpenAPI description and answers with fixtures. It returns what was refused, so far. A nil instead
// answers nothing; what it answers itself the mock does not hear of.
func described(t *testing.T, instead func(*http.Request) (body string, answered bool)) (*stripe.Provider, func() []string) {
	t.Helper()
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	require.NoError(t, err)
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	require.NoError(t, err)
	stub, err := server.NewStubServer(fixtures, spec, false, false)
	require.NoError(t, err)
	var mu sync.Mutex
	var refused []string
	mock := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instead != nil {
			if body, answered := instead(r); answered {
				_, _ = w.Write([]byte(body))
				return
			}
		}
		r.Header.Set("Authorization", "Bearer sk_test_123") // the mock wants a key of this form
		done := httptest.NewRecorder()
		stub.HandleRequest(done, r)
		if done.Code >= http.StatusBadRequest {
			mu.Lock()
			refused = append(refused, fmt.Sprintf("%s %s: %d %s", r.Method, r.URL, done.Code, done.Body))
			mu.Unlock()
		}
		w.WriteHeader(done.Code)
		_, _ = w.Write(done.Body.Bytes())
	}))
	t.Cleanup(mock.Close)
	return provider(mock.URL), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return refused
	}
}

// What the fixtures say about our metadata is not ours, so that an answer is refused, but the
// request was a good one.
func TestStripe_Requests_AreWhatStripeDescribes(t *testing.T) {
	t.Parallel()
	p, refused := described(t, nil)
	for _, kind := range []domain.PaymentKind{domain.PaymentTopUp, domain.PaymentRefund, domain.PaymentWithdrawal} {
		_, err := p.Start(t.Context(), payment(kind))
		require.ErrorContains(t, err, "about another payment")
		_, err = p.Look(t.Context(), payment(kind))
		require.ErrorIs(t, err, ports.ErrNotKnown, "not among the listed")
		known := payment(kind)
		known.ProviderRef = map[domain.PaymentKind]string{
			domain.PaymentTopUp: "pi_1", domain.PaymentRefund: "re_1", domain.PaymentWithdrawal: "tr_1",
		}[kind]
		_, err = p.Look(t.Context(), known)
		require.ErrorContains(t, err, "about another payment")
	}
	known := payment(domain.PaymentTopUp)
	known.ProviderRef = "pi_1"
	_, err := p.Cancel(t.Context(), known)
	require.ErrorContains(t, err, "about another payment")
	n := 0
	for _, err := range p.Operations(t.Context(), time.Now().Add(-time.Hour), time.Now()) {
		require.NoError(t, err)
		n++
	}
	require.Positive(t, n)
	require.Empty(t, refused())
}

func TestStripe_AskingForDisputes_IsWhatStripeDescribes(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	p, refused := described(t, func(r *http.Request) (string, bool) {
		if strings.HasPrefix(r.URL.Path, "/v1/disputes") {
			asked.Add(1)
		}
		return answerTo(domain.PaymentTopUp, map[string]any{"latest_charge": map[string]any{"id": "ch_1", "disputed": true}}),
			strings.HasPrefix(r.URL.Path, "/v1/payment_intents")
	})
	known := payment(domain.PaymentTopUp)
	known.ProviderRef = "x_1"
	_, err := p.Look(t.Context(), known)
	require.NoError(t, err)
	require.EqualValues(t, 1, asked.Load())
	require.Empty(t, refused())
}

// says answers every call with a body.
func says(t *testing.T, status int, body string) *stripe.Provider {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return provider(s.URL)
}

func TestStripe_Statuses_InOurWords(t *testing.T) {
	t.Parallel()
	const about = `"id":"x_1","amount":5000,"amount_received":5000,"currency":"usd","metadata":{"payment_id":"019c5a00-0000-7000-8000-000000000001"}`
	form := map[domain.PaymentKind]string{
		domain.PaymentTopUp: `"object":"payment_intent"`, domain.PaymentRefund: `"object":"refund","payment_intent":"pi_1"`,
	}
	for _, c := range []struct {
		kind   domain.PaymentKind
		status string
		want   domain.PaymentStatus
	}{
		{domain.PaymentTopUp, "requires_payment_method", domain.PaymentRequiresAction},
		{domain.PaymentTopUp, "requires_confirmation", domain.PaymentRequiresAction},
		{domain.PaymentTopUp, "requires_action", domain.PaymentRequiresAction},
		{domain.PaymentTopUp, "processing", domain.PaymentProcessing},
		{domain.PaymentTopUp, "requires_capture", domain.PaymentProcessing},
		{domain.PaymentTopUp, "succeeded", domain.PaymentSucceeded},
		{domain.PaymentTopUp, "canceled", domain.PaymentCanceled},
		{domain.PaymentRefund, "pending", domain.PaymentProcessing},
		{domain.PaymentRefund, "requires_action", domain.PaymentProcessing},
		{domain.PaymentRefund, "succeeded", domain.PaymentSucceeded},
		{domain.PaymentRefund, "failed", domain.PaymentFailed},
		{domain.PaymentRefund, "canceled", domain.PaymentFailed},
	} {
		p := payment(c.kind)
		p.ProviderRef = "x_1"
		got, err := says(t, 200, fmt.Sprintf(`{%s,%s,"status":%q}`, form[c.kind], about, c.status)).Look(t.Context(), p)
		require.NoError(t, err, c.status)
		require.Equal(t, c.want, got.Status, "%s %s", c.kind, c.status)
		require.Equal(t, p.Amount, got.Amount)
	}
}

func TestStripe_DeclinedAttempt_IsShownWhileThePayerTriesAgain(t *testing.T) {
	t.Parallel()
	side := pspsim.New(t).Stripe
	p := provider(side.URL())
	top := payment(domain.PaymentTopUp)
	c, err := p.Start(t.Context(), top)
	require.NoError(t, err)
	require.NoError(t, side.Decline(string(top.ID), "card_declined"))
	top.ProviderRef = c.ProviderRef
	c, err = p.Look(t.Context(), top)
	require.NoError(t, err)
	require.Equal(t, []any{domain.PaymentRequiresAction, "card_declined"}, []any{c.Status, c.FailureCode})
}

func TestStripe_Errors_TellNoSecrets(t *testing.T) {
	t.Parallel()
	const body = `{"error":{"type":"api_error","message":"canary","payment_intent":{"client_secret":"canary"}}}`
	_, err := says(t, 500, body).Start(t.Context(), payment(domain.PaymentTopUp))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "canary")
	require.NotContains(t, err.Error(), pspsim.StripeKey)
}

func TestStripe_Notification_IsFreshAndSignedByOneOfItsSecrets(t *testing.T) {
	t.Parallel()
	p := provider("http://localhost")
	body := []byte(`{"id":"evt_1","type":"charge.dispute.created","data":{"object":{"object":"dispute","payment_intent":{"id":"pi_9"}}}}`)
	sign := func(age time.Duration, secret string) string {
		return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: time.Now().Add(-age)}).Header
	}
	verify := func(headers ...string) error {
		n, err := p.Verify(t.Context(), http.Header{"Stripe-Signature": headers}, body)
		if err == nil {
			require.Equal(t, ports.Notification{EventID: "evt_1", Type: "charge.dispute.created", ProviderRef: "pi_9"}, n)
		}
		return err
	}
	good := sign(0, pspsim.StripeWebhookSecret)
	require.NoError(t, verify(good))
	require.NoError(t, verify(sign(290*time.Second, pspsim.StripeWebhookSecret)))
	require.NoError(t, verify(good+",v1="+fmt.Sprintf("%064d", 0)), "one of several is right")
	for _, age := range []time.Duration{310 * time.Second, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
		require.ErrorIs(t, verify(sign(age, pspsim.StripeWebhookSecret)), ports.ErrForged, age)
	}
	require.ErrorIs(t, verify(sign(0, "another secret")), ports.ErrForged)
	require.ErrorIs(t, verify(good, good), ports.ErrForged, "two headers")
	require.ErrorIs(t, verify("v0"+good[2:]), ports.ErrForged)
	body = append(body, '\n')
	require.ErrorIs(t, verify(good), ports.ErrForged, "another body")
	body = []byte(`"no object"`)
	require.ErrorIs(t, verify(sign(0, pspsim.StripeWebhookSecret)), ports.ErrForged)
}
