package stripe_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v84/webhook"

	"github.com/micropay/micropay/testing/contract/transactionports"
	"github.com/micropay/micropay/testing/pspsim"
	"github.com/micropay/micropay/transaction/adapters/stripe"
	"github.com/micropay/micropay/transaction/ports"
)

func signed(body, secret string) http.Header {
	h := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret, Timestamp: time.Now()}).Header
	return http.Header{"Stripe-Signature": {h}}
}

// Anybody can sign with a secret that is empty.
func TestStripe_NoWebhookSecret_TrustsNobody(t *testing.T) {
	t.Parallel()
	const body = `{"id":"evt_1","type":"payment_intent.succeeded"}`
	p := stripe.New(stripe.Config{Key: pspsim.StripeKey, URL: "http://localhost", HTTP: transactionports.ProviderClient("stripe", "")})
	_, err := p.Verify(t.Context(), signed(body, ""), []byte(body))
	require.ErrorIs(t, err, ports.ErrForged)
}

// Source: docs.stripe.com/webhooks, verify manually: v1 is the only valid live scheme.
func TestStripe_Signature_OfTheTestScheme_ProvesNothing(t *testing.T) {
	t.Parallel()
	const body = `{"id":"evt_1","type":"payment_intent.succeeded"}`
	p := provider("http://localhost")
	good := signed(body, pspsim.StripeWebhookSecret)
	_, err := p.Verify(t.Context(), good, []byte(body))
	require.NoError(t, err)
	for _, header := range []string{
		strings.Replace(good.Get("Stripe-Signature"), "v1=", "v0=", 1), strings.Replace(good.Get("Stripe-Signature"), "t=", "t=-", 1),
		strings.Split(good.Get("Stripe-Signature"), ",")[0], strings.Split(good.Get("Stripe-Signature"), ",")[1], "v1=,t=",
	} {
		_, err := p.Verify(t.Context(), http.Header{"Stripe-Signature": {header}}, []byte(body))
		require.ErrorIs(t, err, ports.ErrForged, header)
	}
}

func TestStripe_Events_NameWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	p := provider("http://localhost")
	for object, want := range map[string]ports.Notification{
		`{"id":"pi_1","object":"payment_intent","metadata":{"payment_id":"ours"}}`: {Payment: "ours", ProviderRef: "pi_1"},
		`{"id":"pi_1","object":"payment_intent","metadata":{}}`:                    {ProviderRef: "pi_1"},
		`{"id":"re_1","object":"refund","metadata":{"payment_id":"ours"}}`:         {Payment: "ours", ProviderRef: "re_1"},
		`{"id":"tr_1","object":"transfer","metadata":{"payment_id":"ours"}}`:       {Payment: "ours", ProviderRef: "tr_1"},
		`{"id":"ch_1","object":"charge","payment_intent":"pi_1","metadata":null}`:  {ProviderRef: "pi_1"},
		`{"id":"ch_1","object":"charge","payment_intent":null}`:                    {},
		`{"id":"dp_1","object":"dispute","payment_intent":{"id":"pi_1"}}`:          {ProviderRef: "pi_1"},
		`{"object":"balance"}`: {},
	} {
		body := `{"id":"evt_1","type":"x.y","api_version":"1999-01-01","data":{"object":` + object + `}}`
		got, err := p.Verify(t.Context(), signed(body, pspsim.StripeWebhookSecret), []byte(body))
		require.NoError(t, err, object)
		want.EventID, want.Type = "evt_1", "x.y"
		require.Equal(t, want, got, object)
	}
}
