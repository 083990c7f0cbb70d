package stripe_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// The client secret lets its holder pay: what cannot be read may hold one, and errors are logged.
func TestStripe_AnswersThatCannotBeRead_AreNotRepeatedInErrors(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 307, 400, 402, 404, 409, 500} {
		for _, body := range []string{
			`{"id":"pi_1","client_secret":"canary`, `canary`, `{"canary":1}`, `{"error":"canary"}`, `["canary"]`, `{"amount":"canary"}`,
			`{"id":"pi_1","client_secret":"canary","status":"unheard_of"}`, "",
		} {
			p := says(t, status, body)
			known := payment(domain.PaymentTopUp)
			known.ProviderRef = "pi_1"
			_, started := p.Start(t.Context(), payment(domain.PaymentTopUp))
			_, looked := p.Look(t.Context(), known)
			_, found := p.Look(t.Context(), payment(domain.PaymentTopUp))
			_, canceled := p.Cancel(t.Context(), known)
			for call, err := range map[string]error{"start": started, "look": looked, "cancel": canceled} {
				require.Error(t, err, "%s: %d %s", call, status, body)
				require.NotErrorIs(t, err, ports.ErrNothingDone, "%s: %d %s", call, status, body)
				require.NotErrorIs(t, err, ports.ErrNotKnown, "%s: %d %s", call, status, body)
				require.NotContains(t, strings.ToLower(err.Error()), "canary", "%s: %d %s", call, status, body)
			}
			if found != nil {
				require.NotContains(t, found.Error(), "canary", "find: %d %s", status, body)
			}
		}
	}
}

// Stripe says so when it has no such object; any other 404 is about the address.
func TestStripe_NotFound_IsBelievedOnlyAboutTheObject(t *testing.T) {
	t.Parallel()
	known := payment(domain.PaymentWithdrawal)
	known.ProviderRef = "tr_1"
	_, err := says(t, 404, `{"error":{"type":"invalid_request_error","message":"Unrecognized request URL"}}`).Look(t.Context(), known)
	require.Error(t, err)
	require.NotErrorIs(t, err, ports.ErrNotKnown)
	_, err = says(t, 404, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`).Look(t.Context(), known)
	require.ErrorIs(t, err, ports.ErrNotKnown)
}

// A refund of what Stripe does not have is none.
func TestStripe_RefundOfNothing_IsNotKnown(t *testing.T) {
	t.Parallel()
	_, err := says(t, 404, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"payment_intent"}}`).
		Look(t.Context(), payment(domain.PaymentRefund))
	require.ErrorIs(t, err, ports.ErrNotKnown)
}

func TestStripe_KindThatIsNone_IsNoSuccess(t *testing.T) {
	t.Parallel()
	p := says(t, 200, `{}`)
	unheard := payment("gift")
	_, err := p.Start(t.Context(), unheard)
	require.ErrorIs(t, err, ports.ErrNothingDone)
	_, err = p.Look(t.Context(), unheard)
	require.Error(t, err)
	unheard.ProviderRef = "x_1"
	_, err = p.Look(t.Context(), unheard)
	require.Error(t, err)
}
