package stripe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/adapters/stripe"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// refuses says no to whatever is asked for, and lists objects.
func refuses(t *testing.T, code string, status int, list string) *stripe.Provider {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"object":"list","has_more":false,"url":%q,"data":[%s]}`, r.URL.Path, list)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","code":%q}}`, code)
	}))
	t.Cleanup(s.Close)
	return provider(s.URL)
}

// A key is forgotten after a day, so what is asked for again may be refused because it was done:
// that is no failure, or the wallet would keep what was given back.
func TestStripe_RefusedBecauseItWasDone_IsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind         domain.PaymentKind
		code, object string
	}{
		{domain.PaymentRefund, "charge_already_refunded", `"object":"refund","payment_intent":"pi_1"`},
		{domain.PaymentWithdrawal, "balance_insufficient", `"object":"transfer","destination":"acct_1"`},
	} {
		wanted := payment(c.kind)
		done := fmt.Sprintf(`{"id":"x_1",%s,"status":"succeeded","amount":5000,"currency":"usd","metadata":{"payment_id":%q}}`, c.object, wanted.ID)
		got, err := refuses(t, c.code, 200, done).Start(t.Context(), wanted)
		require.NoError(t, err)
		require.Equal(t, ports.Charge{Status: domain.PaymentSucceeded, ProviderRef: "x_1", Amount: wanted.Amount}, got)

		got, err = refuses(t, c.code, 200, "").Start(t.Context(), wanted)
		require.NoError(t, err)
		require.Equal(t, ports.Charge{Status: domain.PaymentFailed, FailureCode: c.code, Amount: wanted.Amount}, got, "it was not done")

		_, err = refuses(t, c.code, 500, "").Start(t.Context(), wanted)
		require.Error(t, err, "whether it was done is not known")
		require.NotErrorIs(t, err, ports.ErrNothingDone)
		_, err = refuses(t, c.code, 429, "").Start(t.Context(), wanted)
		require.Error(t, err, "that it was not looked up says nothing about what was done before")
		require.NotErrorIs(t, err, ports.ErrNothingDone)
	}
}
