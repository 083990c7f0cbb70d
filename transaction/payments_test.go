package transaction_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pspsim"
)

// market is a platform that takes money through Stripe and PayPal.
type market struct {
	*platform
	sim *pspsim.Sim
}

const fees = "PAYMENT_FEES=stripe:topup:USD:30:290,stripe:withdrawal:USD:25:0"

func openMarket(t *testing.T, env ...string) market {
	t.Helper()
	sim := pspsim.New(t)
	return market{setup(t, append([]string{
		"STRIPE_KEY=" + pspsim.StripeKey, "STRIPE_WEBHOOK_SECRET=" + pspsim.StripeWebhookSecret, "STRIPE_URL=" + sim.Stripe.URL(),
		"PAYPAL_CLIENT_ID=" + pspsim.PayPalClientID, "PAYPAL_SECRET=" + pspsim.PayPalSecret, "PAYPAL_WEBHOOK_ID=" + pspsim.PayPalWebhookID,
		"PAYPAL_URL=" + sim.PayPal.URL(), "PAYPAL_RETURN_URL=https://example.com/back", "PAYPAL_CANCEL_URL=https://example.com/no",
		"PSP_TIMEOUT=1500ms", "PSP_BREAKER_OPEN_FOR=200ms", "PAYMENT_PATIENCE=5s",
	}, env...)...), sim}
}

// tell delivers all that a provider has to tell.
func (m market) tell(side *pspsim.Side, provider string) {
	m.t.Helper()
	for _, e := range side.Events() {
		require.Equal(m.t, http.StatusNoContent, m.webhook(provider, side.Header(e, pspsim.Signing{}), e.Body).Code, e.Type)
	}
}

func (m market) webhook(provider string, header http.Header, body []byte) *httptest.ResponseRecorder {
	m.t.Helper()
	r := httptest.NewRequestWithContext(m.t.Context(), http.MethodPost, "/transaction/webhooks/"+provider, bytes.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	return w
}

// becomes waits until a payment has a status.
func (p person) becomes(path, status string) answer {
	p.t.Helper()
	var a answer
	require.Eventually(p.t, func() bool {
		a = p.get(path)
		return a.Body["status"] == status
	}, 10*time.Second, 5*time.Millisecond, "%s: %s", status, path)
	return a
}

func (p person) topUp(wallet string, amount int, provider string) answer {
	p.t.Helper()
	return p.move("/topups", `{"wallet_id":%q,"amount":%d,"currency":"USD","provider":%q}`, wallet, amount, provider)
}

// paid is a top-up through Stripe that was paid.
func (m market) paid(p person, wallet string, amount int) (path string) {
	m.t.Helper()
	a := p.topUp(wallet, amount, "stripe")
	require.Equal(m.t, http.StatusAccepted, a.Status, a.Text)
	require.NoError(m.t, m.sim.Stripe.Pay(fmt.Sprint(a.Body["id"])))
	path = "/topups/" + fmt.Sprint(a.Body["id"])
	require.Equal(m.t, "succeeded", p.call(http.MethodPost, path+"/confirm", "").Body["status"])
	return path
}

func TestStripe_TopUp_IsCreditedOnceAWebhookTells(t *testing.T) {
	t.Parallel()
	m := openMarket(t, fees, "PAYMENT_LOOK_AFTER=1h", "PAYMENT_LOOK_WITHIN=1h")
	alice := m.person()
	wallet := alice.wallet("USD", 0)
	asked := alice.topUp(wallet, 10_000, "stripe")
	require.Equal(t, http.StatusAccepted, asked.Status, asked.Text)
	require.Equal(t, "requires_action", asked.Body["status"])
	require.EqualValues(t, 320, asked.Body["fee"])
	action := asked.Body["next_action"].(map[string]any)
	require.Equal(t, "confirm", action["type"])
	require.NotEmpty(t, action["client_secret"])
	id := fmt.Sprint(asked.Body["id"])
	require.Equal(t, "/transaction/topups/"+id, asked.Header.Get("Location"))
	require.NotContains(t, alice.get("/topups/"+id).Body, "next_action", "it is not stored")

	require.NoError(t, m.sim.Stripe.Pay(id))
	for range 3 { // as often as they like
		m.tell(m.sim.Stripe, "stripe")
	}
	done := alice.becomes("/topups/"+id, "succeeded")
	require.EqualValues(t, 9_680, done.Body["balance"].(map[string]any)["amount"], "the fee is gone")
	require.Equal(t, 9_680, alice.balance(wallet))
	kinds := []any{}
	for _, e := range alice.get("/history").Body["data"].([]any) {
		kinds = append(kinds, e.(map[string]any)["transfer"].(map[string]any)["kind"])
	}
	require.Equal(t, []any{"fee", "topup"}, kinds)
}

func TestWebhook_Forged_IsRefusedAndDoesNothing(t *testing.T) {
	t.Parallel()
	m := openMarket(t, "PAYMENT_LOOK_AFTER=1h", "PAYMENT_LOOK_WITHIN=1h")
	alice := m.person()
	wallet := alice.wallet("USD", 0)
	id := fmt.Sprint(alice.topUp(wallet, 10_000, "stripe").Body["id"])
	require.NoError(t, m.sim.Stripe.Pay(id))
	e := m.sim.Stripe.Events()[0]
	for _, how := range []pspsim.Signing{{Secret: "another"}, {At: time.Now().Add(-6 * time.Minute)}} {
		w := m.webhook("stripe", m.sim.Stripe.Header(e, how), e.Body)
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Contains(t, w.Body.String(), "invalid_signature")
	}
	for _, provider := range []string{"sandbox", "piggybank"} {
		require.Equal(t, http.StatusNotFound, m.webhook(provider, m.sim.Stripe.Header(e, pspsim.Signing{}), e.Body).Code)
	}
	foreign := m.sim.Stripe.Foreign("payment_intent.succeeded", map[string]any{
		"id": "pi_unheard_of", "object": "payment_intent", "amount": 5, "metadata": map[string]string{"payment_id": uuid.NewString()},
	})
	require.Equal(t, http.StatusNoContent, m.webhook("stripe", m.sim.Stripe.Header(foreign, pspsim.Signing{}), foreign.Body).Code)
	require.Equal(t, "requires_action", alice.get("/topups/" + id).Body["status"])
	require.Equal(t, 0, alice.balance(wallet))
	m.tell(m.sim.Stripe, "stripe")
	alice.becomes("/topups/"+id, "succeeded")

	m.sim.PayPal.Down()
	order := pspsim.Event{ID: "x", Type: "x", Body: []byte(`{"id":"x"}`)}
	w := m.webhook("paypal", m.sim.PayPal.Header(order, pspsim.Signing{}), order.Body)
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "it cannot be verified now, and comes again")
}

func TestPayPal_TopUp_IsTakenWhenThePayerComesBack(t *testing.T) {
	t.Parallel()
	m := openMarket(t, "PAYMENT_LOOK_AFTER=1h", "PAYMENT_LOOK_WITHIN=1h")
	alice := m.person()
	wallet := alice.wallet("USD", 0)
	asked := alice.topUp(wallet, 10_000, "paypal")
	require.Equal(t, http.StatusAccepted, asked.Status, asked.Text)
	action := asked.Body["next_action"].(map[string]any)
	require.Equal(t, "redirect", action["type"])
	require.Contains(t, action["url"], m.sim.PayPal.URL())
	id := fmt.Sprint(asked.Body["id"])
	require.NoError(t, m.sim.PayPal.Pay(id))
	for range 2 {
		confirmed := alice.call(http.MethodPost, "/topups/"+id+"/confirm", "")
		require.Equal(t, http.StatusOK, confirmed.Status)
		require.Equal(t, "succeeded", confirmed.Body["status"], confirmed.Text)
	}
	require.Equal(t, 10_000, alice.balance(wallet))
	_, times := m.sim.PayPal.Moved(id)
	require.Equal(t, 1, times)
	require.Equal(t, 404, alice.call(http.MethodPost, "/topups/"+uuid.NewString()+"/confirm", "").Status)
	require.Equal(t, 404, m.person().call(http.MethodPost, "/topups/"+id+"/confirm", "").Status, "somebody else's")

	other := alice.topUp(wallet, 500, "paypal")
	require.NoError(t, m.sim.PayPal.Pay(fmt.Sprint(other.Body["id"])))
	m.tell(m.sim.PayPal, "paypal")
	alice.becomes("/topups/"+fmt.Sprint(other.Body["id"]), "succeeded")
	require.Equal(t, 10_500, alice.balance(wallet))
}

func TestTopUp_UnknownOutcome_IsLookedAfter(t *testing.T) {
	t.Parallel()
	m := openMarket(t, fees)
	alice := m.person()
	wallet := alice.wallet("USD", 0)
	m.sim.Stripe.PayersAct(true)
	m.sim.Stripe.Fault(pspsim.HangAfter, 1, pspsim.Post)
	asked := alice.topUp(wallet, 10_000, "stripe")
	require.Equal(t, http.StatusAccepted, asked.Status, asked.Text)
	require.Equal(t, "processing", asked.Body["status"], "it is never answered as failed")
	alice.becomes("/topups/"+fmt.Sprint(asked.Body["id"]), "succeeded")
	require.Equal(t, 9_680, alice.balance(wallet))
}

func TestTopUp_ProviderAway_SaysSoAtOnceOrGoesAnotherWay(t *testing.T) {
	t.Parallel()
	m := openMarket(t, "PSP_BREAKER_OPEN_FOR=1h", "PSP_BREAKER_MINIMUM_CALLS=3")
	alice := m.person()
	wallet := alice.wallet("USD", 0)
	m.sim.Stripe.Down()
	for range 3 {
		away := alice.topUp(wallet, 10_000, "stripe")
		require.Equal(t, http.StatusServiceUnavailable, away.Status, away.Text)
		require.Equal(t, "provider_unavailable", away.code())
		require.NotEmpty(t, away.Header.Get("Retry-After"))
	}
	var listed []string
	for _, p := range alice.get("/providers").Body["data"].([]any) {
		listed = append(listed, fmt.Sprint(p.(map[string]any)["name"], " ", p.(map[string]any)["status"]))
	}
	require.Equal(t, []string{"paypal available", "sandbox available", "stripe unavailable"}, listed)
	require.Equal(t, 400, alice.get("/providers?x=1").Status)
	require.NoError(t, m.sim.Stripe.Up())
	seen := len(m.sim.Stripe.Requests())
	require.Equal(t, http.StatusServiceUnavailable, alice.topUp(wallet, 10_000, "stripe").Status)
	require.Len(t, m.sim.Stripe.Requests(), seen, "nobody is asked while the breaker is open")

	body := `{"wallet_id":%q,"amount":500,"currency":"USD","providers":["stripe","paypal"]}`
	other := alice.move("/topups", body, wallet)
	require.Equal(t, http.StatusAccepted, other.Status, other.Text)
	require.Equal(t, "paypal", other.Body["provider"])
	require.Equal(t, 422, alice.move("/topups", `{"wallet_id":%q,"amount":500,"currency":"USD","providers":["piggybank"]}`, wallet).Status)
	require.Equal(t, 422, alice.move("/topups", `{"wallet_id":%q,"amount":500,"currency":"USD","provider":"stripe","providers":["paypal"]}`, wallet).Status)
	require.Equal(t, 422, alice.move("/topups", `{"wallet_id":%q,"amount":500,"currency":"USD","provider":"stripe","providers":[]}`, wallet).Status)
	require.Equal(t, 422, alice.move("/topups", `{"wallet_id":%q,"amount":500,"currency":"USD"}`, wallet).Status)
	require.Equal(t, 422, alice.move("/topups",
		`{"wallet_id":%q,"amount":500,"currency":"USD","providers":["a","a","a","a","a","a","a","a","a"]}`, wallet).Status)
}

func TestRefund_WholeOrInParts(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	alice := m.person()
	wallet := alice.wallet("USD", 0)
	path := m.paid(alice, wallet, 10_000)

	part := alice.move(path+"/refunds", `{"amount":4000,"currency":"USD"}`)
	require.Equal(t, http.StatusCreated, part.Status, part.Text)
	require.Equal(t, "succeeded", part.Body["status"])
	require.EqualValues(t, 6000, part.Body["balance"].(map[string]any)["amount"])
	require.Equal(t, part.Body, alice.get("/refunds/"+fmt.Sprint(part.Body["id"])).Body)
	require.Equal(t, "partially_refunded", alice.get(path).Body["status"])
	require.EqualValues(t, 4000, alice.get(path).Body["refunded_amount"])

	require.Equal(t, "refund_exceeds_payment", alice.move(path+"/refunds", `{"amount":6001,"currency":"USD"}`).code())
	require.Equal(t, "currency_mismatch", alice.move(path+"/refunds", `{"amount":1,"currency":"EUR"}`).code())
	require.Equal(t, 422, alice.move(path+"/refunds", `{"amount":0,"currency":"USD"}`).Status)
	require.Equal(t, 404, m.person().move(path+"/refunds", `{}`).Status)
	require.Equal(t, 404, alice.move("/topups/garbage/refunds", `{}`).Status)
	require.Equal(t, 404, m.person().get("/refunds/"+fmt.Sprint(part.Body["id"])).Status)
	require.Equal(t, 6000, alice.balance(wallet))

	m.sim.Stripe.Fault(pspsim.ResetAfter, -1, pspsim.Post)
	body := `{}`
	rest := alice.call(http.MethodPost, path+"/refunds", body, "Idempotency-Key", "rest")
	require.Equal(t, http.StatusAccepted, rest.Status, rest.Text)
	require.Equal(t, "processing", rest.Body["status"])
	m.sim.Stripe.Heal()
	alice.becomes("/refunds/"+fmt.Sprint(rest.Body["id"]), "succeeded")
	require.Equal(t, "refunded", alice.get(path).Body["status"])
	require.Equal(t, 0, alice.balance(wallet))
	again := alice.call(http.MethodPost, path+"/refunds", body, "Idempotency-Key", "rest")
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))

	spent := m.paid(alice, wallet, 1000)
	require.Equal(t, 201, alice.send(wallet, m.person().wallet("USD", 0), 1, "USD").Status)
	require.Equal(t, "insufficient_funds", alice.move(spent+"/refunds", `{}`).code(), "the wallet may lack the money by then")
}

func TestWithdrawal_IsHeldThenPaid(t *testing.T) {
	t.Parallel()
	m := openMarket(t, fees)
	alice := m.person()
	wallet := alice.wallet("USD", 10_000)
	withdraw := func(amount int, destination string) answer {
		return alice.move("/withdrawals", `{"wallet_id":%q,"amount":%d,"currency":"USD","provider":"stripe","destination":%q}`, wallet, amount, destination)
	}
	m.sim.Stripe.Fault(pspsim.HangBefore, -1, pspsim.Post)
	open := withdraw(4000, "acct_1")
	require.Equal(t, http.StatusAccepted, open.Status, open.Text)
	now := alice.get("/wallets/" + wallet + "/balance")
	for member, want := range map[string]int{"balance": 10_000, "held": 4025, "available": 5975} {
		require.EqualValues(t, want, now.Body[member].(map[string]any)["amount"], member)
	}
	require.Equal(t, "insufficient_funds", withdraw(5951, "acct_1").code())
	require.Equal(t, 409, alice.call(http.MethodDelete, "/wallets/"+wallet, "").Status)
	m.sim.Stripe.Heal()
	done := alice.becomes("/withdrawals/"+fmt.Sprint(open.Body["id"]), "succeeded")
	require.EqualValues(t, 5975, done.Body["balance"].(map[string]any)["amount"])
	require.Equal(t, 5975, alice.balance(wallet))

	require.Eventually(t, func() bool { // once the breaker has closed
		refused := withdraw(100, "acct_missing")
		return refused.Status == http.StatusCreated && refused.Body["status"] == "failed" && refused.Body["failure_code"] == "resource_missing"
	}, 5*time.Second, 20*time.Millisecond)
	require.Equal(t, 5975, alice.balance(wallet), "let go")
	require.Equal(t, 422, withdraw(100, "").Status)
	require.Equal(t, 404, alice.get("/withdrawals/"+uuid.NewString()).Status)
	require.Equal(t, 404, m.person().move("/withdrawals", `{"wallet_id":%q,"amount":1,"currency":"USD","provider":"stripe","destination":"acct_1"}`, wallet).Status)
}

func TestDispute_BlocksTheWalletUntilItIsOver(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	alice, bob := m.person(), m.person()
	wallet, other := alice.wallet("USD", 0), bob.wallet("USD", 5000)
	path := m.paid(alice, wallet, 10_000)
	id := path[len("/topups/"):]
	require.Equal(t, 201, alice.send(wallet, other, 9_000, "USD").Status)

	ref, err := m.sim.Stripe.Dispute(id, 10_000)
	require.NoError(t, err)
	m.tell(m.sim.Stripe, "stripe")
	alice.becomes(path, "disputed")
	require.Equal(t, 1000, alice.balance(wallet), "the wallet is not touched")
	blocked := alice.send(wallet, other, 1, "USD")
	require.Equal(t, http.StatusConflict, blocked.Status)
	require.Equal(t, "wallet_blocked", blocked.code())
	require.Equal(t, 409, alice.move("/withdrawals", `{"wallet_id":%q,"amount":1,"currency":"USD","provider":"stripe","destination":"acct_1"}`, wallet).Status)
	require.Equal(t, "payment_disputed", alice.move(path+"/refunds", `{}`).code())
	require.Equal(t, 409, alice.hold(wallet, other, 1).Status)

	require.NoError(t, m.sim.Stripe.CloseDispute(ref, false))
	m.tell(m.sim.Stripe, "stripe")
	require.Eventually(t, func() bool { return alice.balance(wallet) == 0 }, 5*time.Second, 5*time.Millisecond, "what is there is taken")
	require.Equal(t, 201, bob.send(other, wallet, 9_500, "USD").Status, "money still comes in")
	require.Eventually(t, func() bool { return alice.balance(wallet) == 500 }, 5*time.Second, 5*time.Millisecond, "and pays the debt")
	require.Equal(t, 201, alice.send(wallet, other, 500, "USD").Status, "which is paid now")
	require.Equal(t, "disputed", alice.get(path).Body["status"])

	won := m.paid(alice, wallet, 700)
	ref, err = m.sim.Stripe.Dispute(won[len("/topups/"):], 700)
	require.NoError(t, err)
	require.NoError(t, m.sim.Stripe.CloseDispute(ref, true))
	m.tell(m.sim.Stripe, "stripe")
	require.Eventually(t, func() bool { return alice.send(wallet, other, 700, "USD").Status == 201 }, 5*time.Second, 20*time.Millisecond)
	require.Equal(t, "succeeded", alice.get(won).Body["status"])
}

func (p person) hold(from, to string, amount int) answer {
	p.t.Helper()
	return p.move("/transfers", `{"from_wallet_id":%q,"to_wallet_id":%q,"amount":%d,"currency":"USD","description":"room 7","capture":false}`, from, to, amount)
}

func TestHold_IsCapturedInPartOrVoided(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob, mallory := p.person(), p.person(), p.person()
	from, to := alice.wallet("USD", 1000), bob.wallet("USD", 0)
	held := alice.hold(from, to, 700)
	require.Equal(t, http.StatusCreated, held.Status, held.Text)
	require.Equal(t, "pending", held.Body["status"])
	require.EqualValues(t, 300, held.Body["available"].(map[string]any)["amount"])
	path := "/transfers/" + fmt.Sprint(held.Body["id"])
	require.Equal(t, held.Body, alice.get(path).Body)
	require.NotContains(t, bob.get(path).Body, "available", "bob does not see what alice has")
	require.Equal(t, 404, mallory.get(path).Status)
	require.Equal(t, "insufficient_funds", alice.send(from, to, 301, "USD").code())
	require.Equal(t, 1000, alice.balance(from))

	require.Equal(t, "capture_exceeds_hold", bob.move(path+"/capture", `{"amount":701,"currency":"USD"}`).code())
	require.Equal(t, 404, mallory.move(path+"/capture", `{}`).Status)
	require.Equal(t, 404, mallory.call(http.MethodPost, path+"/void", "").Status)
	captured := bob.call(http.MethodPost, path+"/capture", `{"amount":600,"currency":"USD"}`, "Idempotency-Key", "c")
	require.Equal(t, http.StatusCreated, captured.Status, captured.Text)
	require.Equal(t, held.Body["id"], captured.Body["id"])
	require.EqualValues(t, 600, captured.Body["balance"].(map[string]any)["amount"], "of who asked")
	again := bob.call(http.MethodPost, path+"/capture", `{"amount":600,"currency":"USD"}`, "Idempotency-Key", "c")
	require.Equal(t, captured.Text, again.Text)
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	require.Equal(t, "hold_ended", alice.move(path+"/capture", `{}`).code())
	require.Equal(t, 409, alice.call(http.MethodPost, path+"/void", "").Status)
	require.Equal(t, "posted", alice.get(path).Body["status"])
	require.Equal(t, 400, alice.balance(from))

	second := alice.hold(from, to, 400)
	path = "/transfers/" + fmt.Sprint(second.Body["id"])
	for range 2 {
		voided := alice.call(http.MethodPost, path+"/void", "")
		require.Equal(t, http.StatusOK, voided.Status, voided.Text)
		require.Equal(t, "voided", voided.Body["status"])
	}
	require.Equal(t, 201, alice.send(from, to, 400, "USD").Status)
	require.Equal(t, 404, alice.call(http.MethodPost, "/transfers/"+uuid.NewString()+"/void", "").Status)
	require.Equal(t, 400, alice.call(http.MethodPost, path+"/capture", `{}`).Status, "a key is required")
}

func TestHold_Expires(t *testing.T) {
	t.Parallel()
	p := setup(t, "HOLD_TTL=50ms")
	alice, bob := p.person(), p.person()
	from, to := alice.wallet("USD", 1000), bob.wallet("USD", 0)
	held := alice.hold(from, to, 700)
	alice.becomes("/transfers/"+fmt.Sprint(held.Body["id"]), "expired")
	require.Equal(t, 201, alice.send(from, to, 1000, "USD").Status)
}
