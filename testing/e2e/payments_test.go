package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pspsim"
)

// The platform dies while a provider is taking, or paying, the money: nobody was answered, and
// nothing was stored but the intent.
func TestPlatform_KilledWhileAProviderActs_SettlesOnce(t *testing.T) {
	t.Parallel()
	sim := pspsim.New(t)
	sim.Stripe.PayersAct(true)
	p := newPlatform(t, "PAYMENT_SANDBOX=true", "STRIPE_KEY="+pspsim.StripeKey, "STRIPE_WEBHOOK_SECRET="+pspsim.StripeWebhookSecret,
		"STRIPE_URL="+sim.Stripe.URL(), "PAYMENT_PATIENCE=500ms", "PAYMENT_LOOK_AFTER=100ms", "RECONCILE_INTERVAL=100ms", "PAYMENT_LEASE=1s")
	token, wallet := p.person("payer")
	require.Equal(t, http.StatusCreated, p.call(token, uuid.NewString(), "POST", "/transaction/topups",
		body{"wallet_id": wallet, "amount": 10_000, "currency": "USD", "provider": "sandbox"}).Status)

	for _, c := range []struct {
		path  string
		body  body
		fault pspsim.Fault
	}{
		{"topups", body{"wallet_id": wallet, "amount": 5_000, "currency": "USD", "provider": "stripe"}, pspsim.HangAfter},
		{"withdrawals", body{"wallet_id": wallet, "amount": 3_000, "currency": "USD", "provider": "stripe", "destination": "acct_1"}, pspsim.HangAfter},
		{"withdrawals", body{"wallet_id": wallet, "amount": 1_000, "currency": "USD", "provider": "stripe", "destination": "acct_1"}, pspsim.HangBefore},
	} {
		key, seen := uuid.NewString(), len(sim.Stripe.Requests())
		sim.Stripe.Fault(c.fault, -1, pspsim.Post)
		unheard := make(chan answer, 1)
		go func() { unheard <- p.call(token, key, "POST", "/transaction/"+c.path, c.body) }()
		require.Eventually(t, func() bool { return len(sim.Stripe.Requests()) > seen }, 10*time.Second, time.Millisecond)
		p.kill()
		require.Zero(t, (<-unheard).Status)
		sim.Stripe.Heal()
		p.start()
		var again answer
		require.Eventually(t, func() bool {
			again = p.call(token, key, "POST", "/transaction/"+c.path, c.body)
			return again.Body["status"] == "succeeded"
		}, 20*time.Second, 50*time.Millisecond, "the same key tells what became of it")
		amount, times := sim.Stripe.Moved(fmt.Sprint(again.Body["id"]))
		require.Equal(t, 1, times)
		require.EqualValues(t, c.body["amount"], amount)
	}
	balance := p.call(token, "", "GET", "/transaction/wallets/"+wallet+"/balance", nil)
	require.EqualValues(t, 11_000, balance.Body["balance"].(map[string]any)["amount"])
	require.EqualValues(t, 0, balance.Body["held"].(map[string]any)["amount"])
	status, out := p.command("audit")
	require.Zero(t, status, out)
	status, out = p.command("reconcile", "--provider", "stripe", "--date", time.Now().UTC().Format(time.DateOnly))
	require.Zero(t, status, out)
	require.Contains(t, out, "3 compared, 0 differences")
	require.NoError(t, sim.Stripe.RefundOutside(fmt.Sprint(sim.Stripe.Truth()[0].PaymentID), 100))
	status, out = p.command("reconcile", "--provider", "stripe", "--date", time.Now().UTC().Format(time.DateOnly), "--format", "csv")
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "missing_here")
	p.stop()
}
