package stripe_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// answerTo is what Stripe says about payment(kind), with some members changed.
func answerTo(kind domain.PaymentKind, changes map[string]any) string {
	answer := map[string]any{
		"id": "x_1", "status": "succeeded", "amount": 5000, "amount_received": 5000, "currency": "usd",
		"metadata": map[string]string{"payment_id": string(payment(kind).ID)},
	}
	switch kind {
	case domain.PaymentTopUp:
		answer["object"] = "payment_intent"
	case domain.PaymentRefund:
		answer["object"], answer["payment_intent"] = "refund", "pi_1"
	case domain.PaymentWithdrawal:
		answer["object"], answer["destination"] = "transfer", "acct_1"
	}
	for name, value := range changes {
		answer[name] = value
	}
	body, _ := json.Marshal(answer)
	return string(body)
}

func TestStripe_AnswerAboutSomethingElse_IsAnError(t *testing.T) {
	t.Parallel()
	everything := []map[string]any{{"id": "x_2"}, {"id": ""}, {"object": "charge"}, {"object": nil}, {"metadata": nil}, {"metadata": map[string]string{"payment_id": "another"}}}
	for kind, changes := range map[domain.PaymentKind][]map[string]any{
		domain.PaymentTopUp:      everything,
		domain.PaymentRefund:     append([]map[string]any{{"payment_intent": "pi_2"}, {"payment_intent": nil}}, everything...),
		domain.PaymentWithdrawal: append([]map[string]any{{"destination": "acct_2"}, {"destination": nil}}, everything...),
	} {
		known := payment(kind)
		known.ProviderRef = "x_1"
		good := says(t, 200, answerTo(kind, nil))
		c, err := good.Look(t.Context(), known)
		require.NoError(t, err)
		require.Equal(t, domain.PaymentSucceeded, c.Status)
		for _, change := range changes {
			bad := says(t, 200, answerTo(kind, change))
			_, err := bad.Look(t.Context(), known)
			require.ErrorContains(t, err, "about another payment", "%s %v", kind, change)
			if change["id"] == "x_2" {
				continue // at the start any id is right
			}
			_, err = bad.Start(t.Context(), payment(kind))
			require.ErrorContains(t, err, "about another payment", "%s %v", kind, change)
			require.NotErrorIs(t, err, ports.ErrNothingDone)
		}
	}
	known := payment(domain.PaymentTopUp)
	known.ProviderRef = "x_1"
	_, err := says(t, 200, answerTo(domain.PaymentTopUp, map[string]any{"id": "x_2", "status": "canceled"})).Cancel(t.Context(), known)
	require.ErrorContains(t, err, "about another payment")
}

// A transfer that is called back later was made all the same: the way back is not ours to book.
func TestStripe_ReversedTransfer_WasMade(t *testing.T) {
	t.Parallel()
	known := payment(domain.PaymentWithdrawal)
	known.ProviderRef = "x_1"
	c, err := says(t, 200, answerTo(known.Kind, map[string]any{"reversed": true, "amount_reversed": 5000})).Look(t.Context(), known)
	require.NoError(t, err)
	require.Equal(t, ports.Charge{Status: domain.PaymentSucceeded, ProviderRef: "x_1", Amount: known.Amount}, c)
}

// An inquiry and a dispute that was prevented take no money from us, so nothing is booked of them.
// Source: docs.stripe.com/disputes/how-disputes-work, docs.stripe.com/api/disputes/object.
func TestStripe_Disputes_OnlyThoseThatTakeMoneyAreTold(t *testing.T) {
	t.Parallel()
	known := payment(domain.PaymentTopUp)
	known.ProviderRef = "x_1"
	look := func(status string, amount int) (ports.Charge, error) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/v1/disputes") {
				_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": []any{
					map[string]any{"id": "dp_1", "object": "dispute", "amount": amount, "currency": "usd", "status": status},
				}})
				return
			}
			_, _ = w.Write([]byte(answerTo(known.Kind, map[string]any{"latest_charge": map[string]any{"id": "ch_1", "disputed": true}})))
		}))
		t.Cleanup(s.Close)
		return provider(s.URL).Look(t.Context(), known)
	}
	for status, want := range map[string]domain.DisputeStatus{
		"needs_response": domain.DisputeOpen, "under_review": domain.DisputeOpen, "won": domain.DisputeWon, "lost": domain.DisputeLost,
		"warning_needs_response": "", "warning_under_review": "", "warning_closed": "", "prevented": "",
	} {
		c, err := look(status, 300)
		require.NoError(t, err, status)
		if want == "" {
			require.Empty(t, c.Disputes, status)
			continue
		}
		require.Len(t, c.Disputes, 1, status)
		require.Equal(t, want, c.Disputes[0].Status, status)
	}
	_, err := look("no_such_status", 300)
	require.ErrorContains(t, err, "no_such_status", "a new word may mean that money is gone")
	_, err = look("lost", -300)
	require.Error(t, err)
}
