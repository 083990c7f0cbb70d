package paypal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/testing/contract/transactionports"
	"github.com/micropay/micropay/testing/pspsim"
	"github.com/micropay/micropay/transaction/adapters/paypal"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func provider(url string) *paypal.Provider {
	return paypal.New(paypal.Config{
		ClientID: pspsim.PayPalClientID, Secret: pspsim.PayPalSecret, WebhookID: pspsim.PayPalWebhookID, URL: url,
		ReturnURL: "https://example.com/back", CancelURL: "https://example.com/cancel",
		HTTP: transactionports.ProviderClient("paypal", paypal.KeyHeader), Now: time.Now,
	})
}

func TestPayPal_Contract(t *testing.T) {
	t.Parallel()
	transactionports.RunPaymentProvider(t, func(t *testing.T) transactionports.ProviderWorld {
		t.Helper()
		side := pspsim.New(t).PayPal
		p := provider(side.URL())
		return transactionports.ProviderWorld{
			PaymentProvider: p, Notifications: p, Statements: p, Name: paypal.Name, Side: side,
			Destination: "bob@example.com", Nowhere: "nobody",
		}
	})
}

const id = "019c5a00-0000-7000-8000-000000000001"

func payment(kind domain.PaymentKind) domain.Payment {
	return domain.Payment{
		ID: id, Kind: kind, Amount: money.Money{Amount: 5000, Currency: "USD"}, Parent: "top", ParentRef: "ORDER-1", ProviderRef: "REF-1",
		Destination: "bob@example.com", CreatedAt: time.Now(), Status: domain.PaymentProcessing,
	}
}

// says answers each path with a body, and everybody with a token.
func says(t *testing.T, status int, answers map[string]string) *paypal.Provider {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, body := range answers {
			if strings.HasSuffix(r.URL.Path, path) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return
			}
		}
		_, _ = w.Write([]byte(`{"access_token":"t","expires_in":3600,"items":[]}`))
	}))
	t.Cleanup(s.Close)
	return provider(s.URL)
}

func TestPayPal_Orders_InOurWords(t *testing.T) {
	t.Parallel()
	const unit = `"purchase_units":[{"custom_id":"` + id + `","amount":{"currency_code":"USD","value":"50.00"}%s}]`
	capture := func(status string) string {
		return fmt.Sprintf(`,"payments":{"captures":[{"id":"C","status":%q,"amount":{"currency_code":"USD","value":"50.00"}}]}`, status)
	}
	for _, c := range []struct {
		order, more string
		want        domain.PaymentStatus
		approved    bool
		code        string
	}{
		{"CREATED", "", domain.PaymentRequiresAction, false, ""},
		{"SAVED", "", domain.PaymentRequiresAction, false, ""},
		{"PAYER_ACTION_REQUIRED", "", domain.PaymentRequiresAction, false, ""},
		{"APPROVED", "", domain.PaymentRequiresAction, true, ""},
		{"VOIDED", "", domain.PaymentCanceled, false, ""},
		{"COMPLETED", capture("COMPLETED"), domain.PaymentSucceeded, false, ""},
		{"COMPLETED", capture("PARTIALLY_REFUNDED"), domain.PaymentSucceeded, false, ""},
		{"COMPLETED", capture("REFUNDED"), domain.PaymentSucceeded, false, ""},
		{"COMPLETED", capture("PENDING"), domain.PaymentProcessing, false, ""},
		{"COMPLETED", capture("DECLINED"), domain.PaymentFailed, false, "DECLINED"},
		{"COMPLETED", capture("FAILED"), domain.PaymentFailed, false, "FAILED"},
	} {
		body := fmt.Sprintf(`{"id":"REF-1","status":%q,`+unit+`}`, c.order, c.more)
		got, err := says(t, 200, map[string]string{"/orders/REF-1": body}).Look(t.Context(), payment(domain.PaymentTopUp))
		require.NoError(t, err, c.order)
		require.Equal(t, []any{c.want, c.approved, c.code, payment("").Amount}, []any{got.Status, got.Approved, got.FailureCode, got.Amount}, "%s %s", c.order, c.more)
	}
	for name, body := range map[string]string{
		"no unit":         `{"id":"REF-1","status":"CREATED"}`,
		"another payment": `{"id":"REF-1","status":"CREATED","purchase_units":[{"custom_id":"x"}]}`,
		"no amount":       `{"id":"REF-1","status":"CREATED","purchase_units":[{"custom_id":"` + id + `"}]}`,
		"captured twice":  fmt.Sprintf(`{"id":"REF-1","status":"COMPLETED",`+unit+`}`, ""),
		"odd capture":     fmt.Sprintf(`{"id":"REF-1","status":"COMPLETED",`+unit+`}`, capture("ODD")),
	} {
		_, err := says(t, 200, map[string]string{"/orders/REF-1": body}).Look(t.Context(), payment(domain.PaymentTopUp))
		require.Error(t, err, name)
		require.NotErrorIs(t, err, ports.ErrNothingDone, name)
	}
	gone := says(t, 404, map[string]string{"/orders/REF-1": `{"name":"RESOURCE_NOT_FOUND"}`})
	got, err := gone.Look(t.Context(), payment(domain.PaymentTopUp))
	require.NoError(t, err)
	require.Equal(t, domain.PaymentCanceled, got.Status, "nobody approved it in time")
}

func TestPayPal_Capture_SaysWhyNot(t *testing.T) {
	t.Parallel()
	for issue, want := range map[string]domain.PaymentStatus{
		"ORDER_NOT_APPROVED": domain.PaymentRequiresAction, "INSTRUMENT_DECLINED": domain.PaymentFailed, "PAYER_ACCOUNT_RESTRICTED": domain.PaymentFailed,
	} {
		p := says(t, 422, map[string]string{"/capture": fmt.Sprintf(`{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":%q}]}`, issue)})
		got, err := p.Capture(t.Context(), payment(domain.PaymentTopUp))
		require.NoError(t, err)
		require.Equal(t, want, got.Status, issue)
	}
	_, err := says(t, 500, map[string]string{"/capture": ""}).Capture(t.Context(), payment(domain.PaymentTopUp))
	require.Error(t, err)
	require.NotErrorIs(t, err, ports.ErrNothingDone)
}

// A repeated sender_batch_id is answered so, as PayPal's sandbox was seen to do.
// PayPal cannot be asked for a payout by our id. When an earlier try may have made it, a refusal of
// the next is about that one only.
func TestPayPal_Amounts_AreReadToTheLastDigit(t *testing.T) {
	t.Parallel()
	look := func(currency, value string) (ports.Charge, error) {
		body := fmt.Sprintf(`{"id":"REF-1","status":"CREATED","purchase_units":[{"custom_id":"%s","amount":{"currency_code":%q,"value":%q}}]}`, id, currency, value)
		return says(t, 200, map[string]string{"/orders/REF-1": body}).Look(t.Context(), payment(domain.PaymentTopUp))
	}
	for value, want := range map[[2]string]int64{
		{"USD", "10.50"}: 1050, {"USD", "0.01"}: 1, {"JPY", "1050"}: 1050, {"KWD", "1.050"}: 1050, {"USD", "90071992547409.91"}: money.Max,
	} {
		got, err := look(value[0], value[1])
		require.NoError(t, err, value)
		require.Equal(t, money.Money{Amount: want, Currency: money.Currency(value[0])}, got.Amount)
	}
	for _, value := range [][2]string{
		{"USD", ""},
		{"USD", "10.5"},
		{"USD", "10.555"},
		{"USD", "10"},
		{"USD", "10."},
		{"USD", ".50"},
		{"USD", "1e3.00"},
		{"USD", "+1.00"},
		{"JPY", "10.50"},
		{"JPY", "10."},
		{"XXX", "10.50"},
		{"USD", "90071992547409.92"},
		{"USD", "99999999999999999999.00"},
		{"USD", " 1.00"},
	} {
		_, err := look(value[0], value[1])
		require.Error(t, err, value)
	}
}

func TestPayPal_Token_IsKeptAndRenewedOnce(t *testing.T) {
	t.Parallel()
	var tokens, calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/oauth2/token" {
			_, _ = fmt.Fprintf(w, `{"access_token":"t%d","expires_in":3600}`, tokens.Add(1))
			return
		}
		calls.Add(1)
		if r.Header.Get("Authorization") != "Bearer t2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"name":"RESOURCE_NOT_FOUND"}`))
	}))
	t.Cleanup(s.Close)
	p := provider(s.URL)
	for range 3 {
		_, err := p.Look(t.Context(), payment(domain.PaymentTopUp))
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, tokens.Load(), "the first was revoked")
	require.EqualValues(t, 4, calls.Load())
}

func TestPayPal_NoToken_DidNothing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"refused": {401, `{"error":"invalid_client"}`}, "away": {503, ""}, "garbage": {200, "<html>"}, "none": {200, "{}"}, "bad": {200, `{"access_token":"a\r\nb"}`},
	} {
		p := says(t, answer.status, map[string]string{"/token": answer.body})
		_, err := p.Start(t.Context(), payment(domain.PaymentWithdrawal))
		require.ErrorIs(t, err, ports.ErrNothingDone, name)
		require.NotContains(t, err.Error(), pspsim.PayPalSecret)
	}
}

func TestPayPal_Refund_NeedsTheOneCapture(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"not captured": `{"id":"ORDER-1","purchase_units":[{"custom_id":"top"}]}`,
		"another":      `{"id":"ORDER-1","purchase_units":[{"custom_id":"x","payments":{"captures":[{}]}}]}`,
	} {
		p := says(t, 200, map[string]string{"/orders/ORDER-1": body})
		_, err := p.Start(t.Context(), payment(domain.PaymentRefund))
		require.ErrorIs(t, err, ports.ErrNothingDone, name)
		_, err = p.Look(t.Context(), payment(domain.PaymentRefund))
		require.Error(t, err, name)
	}
}

func TestPayPal_Disputes_InOurWords(t *testing.T) {
	t.Parallel()
	const order = `{"id":"REF-1","status":"COMPLETED","purchase_units":[{"custom_id":"` + id + `","amount":{"currency_code":"USD","value":"50.00"},
		"payments":{"captures":[{"id":"C","status":"COMPLETED","amount":{"currency_code":"USD","value":"50.00"}}]}}]}`
	look := func(list, one string) (ports.Charge, error) {
		return says(t, 200, map[string]string{"/orders/REF-1": order, "/disputes": list, "/disputes/D": one}).Look(t.Context(), payment(domain.PaymentTopUp))
	}
	const about = `"dispute_id":"D","dispute_amount":{"currency_code":"USD","value":"20.00"}`
	for outcome, want := range map[string]domain.DisputeStatus{
		"RESOLVED_SELLER_FAVOUR": domain.DisputeWon, "CANCELED_BY_BUYER": domain.DisputeWon, "RESOLVED_BUYER_FAVOUR": domain.DisputeLost, "ACCEPTED": domain.DisputeLost,
	} {
		got, err := look(`{"items":[{`+about+`,"status":"RESOLVED"}]}`, fmt.Sprintf(`{%s,"status":"RESOLVED","dispute_outcome":{"outcome_code":%q}}`, about, outcome))
		require.NoError(t, err)
		require.Equal(t, want, got.Disputes[0].Status, outcome)
	}
	got, err := look(`{"items":[{`+about+`,"status":"WAITING_FOR_BUYER_RESPONSE"}]}`, "")
	require.NoError(t, err)
	require.Equal(t, domain.DisputeOpen, got.Disputes[0].Status)
	for name, c := range map[string][2]string{
		"odd outcome": {`{"items":[{` + about + `,"status":"RESOLVED"}]}`, `{` + about + `,"status":"RESOLVED","dispute_outcome":{"outcome_code":"ODD"}}`},
		"no amount":   {`{"items":[{"dispute_id":"D","status":"OPEN"}]}`, ""},
		"no list":     {"<html>", ""},
		"no outcome":  {`{"items":[{` + about + `,"status":"RESOLVED"}]}`, "<html>"},
	} {
		_, err := look(c[0], c[1])
		require.Error(t, err, name)
	}
}

func TestPayPal_Notification_IsVerifiedByPayPalOrNotAtAll(t *testing.T) {
	t.Parallel()
	header := http.Header{
		"Paypal-Auth-Algo": {"x"}, "Paypal-Cert-Url": {"https://api.paypal.com/cert"}, "Paypal-Transmission-Id": {"x"},
		"Paypal-Transmission-Sig": {"x"}, "Paypal-Transmission-Time": {"x"},
	}
	verify := func(status int, verdict string, header http.Header, body string) (ports.Notification, error) {
		return says(t, status, map[string]string{"/verify-webhook-signature": verdict}).Verify(t.Context(), header, []byte(body))
	}
	for body, want := range map[string]ports.Notification{
		`{"id":"e","event_type":"PAYMENT.PAYOUTS-ITEM.SUCCEEDED","resource":{"sender_batch_id":"p"}}`:    {EventID: "e", Type: "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", Payment: "p"},
		`{"id":"e","event_type":"x","resource":{"supplementary_data":{"related_ids":{"order_id":"o"}}}}`: {EventID: "e", Type: "x", ProviderRef: "o"},
		`{"id":"e","event_type":"x"}`: {EventID: "e", Type: "x"},
	} {
		n, err := verify(200, `{"verification_status":"SUCCESS"}`, header, body)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	_, err := verify(500, "", header, `{"id":"e"}`)
	require.Error(t, err)
	require.NotErrorIs(t, err, ports.ErrForged, "not known: it comes again")
	for name, c := range map[string]struct {
		status  int
		verdict string
		change  func(http.Header)
		body    string
	}{
		"refused":           {400, `{"name":"VALIDATION_ERROR"}`, func(http.Header) {}, `{"id":"e"}`},
		"failure":           {200, `{"verification_status":"FAILURE"}`, func(http.Header) {}, `{"id":"e"}`},
		"no JSON":           {200, `{"verification_status":"SUCCESS"}`, func(http.Header) {}, `{"id":`},
		"no id":             {200, `{"verification_status":"SUCCESS"}`, func(http.Header) {}, `{}`},
		"their certificate": {200, `{"verification_status":"SUCCESS"}`, func(h http.Header) { h.Set("Paypal-Cert-Url", "https://paypal.com.evil.example/c") }, `{"id":"e"}`},
		"no certificate":    {200, `{"verification_status":"SUCCESS"}`, func(h http.Header) { h.Set("Paypal-Cert-Url", "://") }, `{"id":"e"}`},
		"two transmissions": {200, `{"verification_status":"SUCCESS"}`, func(h http.Header) { h.Add("Paypal-Transmission-Id", "y") }, `{"id":"e"}`},
		"unsigned":          {200, `{"verification_status":"SUCCESS"}`, func(h http.Header) { h.Del("Paypal-Transmission-Sig") }, `{"id":"e"}`},
	} {
		h := header.Clone()
		c.change(h)
		_, err := verify(c.status, c.verdict, h, c.body)
		require.ErrorIs(t, err, ports.ErrForged, name)
	}
}

func TestPayPal_Statement_ThatCannotBeRead_SaysSo(t *testing.T) {
	t.Parallel()
	list := func(body string) (n int, last error) {
		p := says(t, 200, map[string]string{"/transactions": body})
		for _, err := range p.Operations(t.Context(), time.Now().Add(-time.Hour), time.Now()) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	const good = `{"transaction_info":{"transaction_id":"T","transaction_event_code":"T0006","transaction_status":"S",
		"transaction_amount":{"currency_code":"USD","value":"50.00"},"transaction_initiation_date":"2026-03-01T12:00:00+0000"}}`
	n, err := list(`{"total_pages":1,"transaction_details":[` + good + `,{"transaction_info":{"transaction_event_code":"T0106"}}]}`)
	require.NoError(t, err)
	require.Equal(t, 1, n, "fees are no payments")
	for _, broken := range [][2]string{{`"S"`, `"X"`}, {"50.00", "50"}, {"2026-03-01", "yesterday"}} {
		_, err = list(`{"total_pages":1,"transaction_details":[` + strings.Replace(good, broken[0], broken[1], 1) + `]}`)
		require.Error(t, err)
	}
}
