package paypal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func TestPayPal_Payouts_InOurWords(t *testing.T) {
	t.Parallel()
	look := func(body string) (ports.Charge, error) {
		return says(t, 200, map[string]string{"/payouts/REF-1": body}).Look(t.Context(), payment(domain.PaymentWithdrawal))
	}
	const header = `"batch_header":{"payout_batch_id":"REF-1","batch_status":%q,"sender_batch_header":{"sender_batch_id":"` + id + `"}}`
	item := func(status string) string {
		return fmt.Sprintf(`{`+header+`,"items":[{"transaction_status":%q,"payout_item":{"sender_item_id":"`+id+`","amount":{"currency":"USD","value":"50.00"}}}]}`, "SUCCESS", status)
	}
	for status, want := range map[string]domain.PaymentStatus{
		"SUCCESS": domain.PaymentSucceeded, "PENDING": domain.PaymentProcessing, "UNCLAIMED": domain.PaymentProcessing,
		"RETURNED": domain.PaymentFailed, "BLOCKED": domain.PaymentFailed,
	} {
		got, err := look(item(status))
		require.NoError(t, err)
		require.Equal(t, want, got.Status, status)
		require.Equal(t, want == domain.PaymentFailed, got.FailureCode != "")
	}
	for status, want := range map[string]domain.PaymentStatus{"PENDING": domain.PaymentProcessing, "SUCCESS": domain.PaymentProcessing, "DENIED": domain.PaymentFailed} {
		got, err := look(fmt.Sprintf("{"+header+"}", status))
		require.NoError(t, err)
		require.Equal(t, want, got.Status, "a batch %s whose item is not told", status)
	}
	for name, body := range map[string]string{
		"odd item": item("ODD"), "odd batch": fmt.Sprintf("{"+header+"}", "ODD"), "another": `{"batch_header":{"payout_batch_id":"REF-1"}}`,
		"another's item": strings.Replace(item("SUCCESS"), `"sender_item_id":"`+id, `"sender_item_id":"x`, 1),
		"no amount":      strings.Replace(item("SUCCESS"), "50.00", "50.0", 1),
		"two items":      fmt.Sprintf("{"+header+`,"items":[{},{}]}`, "SUCCESS"),
	} {
		_, err := look(body)
		require.Error(t, err, name)
	}
	_, err := says(t, 404, map[string]string{"/payouts/REF-1": `{"name":"INVALID_RESOURCE_ID"}`}).Look(t.Context(), payment(domain.PaymentWithdrawal))
	require.Error(t, err, "that it cannot be told is no end")
}

func TestPayPal_RepeatedPayout_RefusedForAnotherReason_ProvesNothing(t *testing.T) {
	t.Parallel()
	start := func(status domain.PaymentStatus) (ports.Charge, error) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/payments/payouts" {
				_, _ = w.Write([]byte(`{"access_token":"t","expires_in":3600}`))
				return
			}
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(`{"name":"INSUFFICIENT_FUNDS","message":"Sender does not have sufficient funds.","debug_id":"x"}`))
		}))
		t.Cleanup(s.Close)
		w := payment(domain.PaymentWithdrawal)
		w.Status = status
		return provider(s.URL).Start(t.Context(), w)
	}
	first, err := start(domain.PaymentCreated)
	require.NoError(t, err)
	require.Equal(t, domain.PaymentFailed, first.Status)
	require.Equal(t, "INSUFFICIENT_FUNDS", first.FailureCode)

	_, err = start(domain.PaymentProcessing)
	require.Error(t, err, "it may have been paid")
	require.NotErrorIs(t, err, ports.ErrNothingDone)
}

func TestPayPal_RepeatedPayout_IsTheEarlierOne(t *testing.T) {
	t.Parallel()
	const duplicate = `{"name":"USER_BUSINESS_ERROR","message":"User business error.","debug_id":"x","details":[{
		"field":"SENDER_BATCH_ID","location":"body","issue":"Batch with given sender_batch_id already exists"%s}]}`
	start := func(refusal string) (ports.Charge, error) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.Method + r.URL.Path {
			case "POST/v1/payments/payouts":
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(refusal))
			case "GET/v1/payments/payouts/REF-1":
				_, _ = w.Write([]byte(`{"batch_header":{"payout_batch_id":"REF-1","batch_status":"SUCCESS","sender_batch_header":{"sender_batch_id":"` + id + `"}},
					"items":[{"transaction_status":"SUCCESS","payout_item":{"sender_item_id":"` + id + `","amount":{"currency":"USD","value":"50.00"}}}]}`))
			default:
				_, _ = w.Write([]byte(`{"access_token":"t","expires_in":3600}`))
			}
		}))
		t.Cleanup(s.Close)
		w := payment(domain.PaymentWithdrawal)
		w.Status = domain.PaymentCreated // as a request knows it that died on its way
		return provider(s.URL).Start(t.Context(), w)
	}

	c, err := start(fmt.Sprintf(duplicate, `,"link":[{"rel":"self","method":"GET","href":"https://api.paypal.com/v1/payments/payouts/REF-1"}]`))
	require.NoError(t, err)
	require.Equal(t, ports.Charge{ProviderRef: "REF-1", Status: domain.PaymentSucceeded, Amount: payment(domain.PaymentWithdrawal).Amount}, c)

	for name, refusal := range map[string]string{
		"no link": fmt.Sprintf(duplicate, ""), "no details": `{"name":"USER_BUSINESS_ERROR"}`, "another's link": fmt.Sprintf(duplicate, `,"link":[{"rel":"self","href":"::"}]`),
	} {
		_, err := start(refusal)
		require.Error(t, err, "%s: it may have been paid", name)
		require.NotErrorIs(t, err, ports.ErrNothingDone, name)
	}

	c, err = start(`{"name":"USER_BUSINESS_ERROR","details":[{"field":"items[0].receiver","issue":"Receiver is invalid"}]}`)
	require.NoError(t, err)
	require.Equal(t, domain.PaymentFailed, c.Status)
}
