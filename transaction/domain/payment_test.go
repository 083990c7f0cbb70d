package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
)

func topUp(t *testing.T) domain.Payment {
	t.Helper()
	tu, err := domain.NewTopUp("p1", "alice", "w1", "sandbox", usd(5000))
	require.NoError(t, err)
	return tu
}

func TestNewTopUp_IsAnIntentBeforeTheProviderIsAsked(t *testing.T) {
	t.Parallel()
	tu := topUp(t)
	require.Equal(t, domain.PaymentCreated, tu.Status)
	require.False(t, tu.Status.Final())
}

func TestNewTopUp_RefusesAmountsThatAreNotPositive(t *testing.T) {
	t.Parallel()
	_, err := domain.NewTopUp("p1", "alice", "w1", "sandbox", usd(0))
	require.ErrorAs(t, err, new(domain.Invalid))
}

func TestTopUp_FollowsOnlyLegalTransitions(t *testing.T) {
	t.Parallel()
	legal := map[domain.PaymentStatus][]domain.PaymentStatus{
		domain.PaymentCreated:        {domain.PaymentRequiresAction, domain.PaymentProcessing, domain.PaymentSucceeded, domain.PaymentFailed, domain.PaymentCanceled},
		domain.PaymentRequiresAction: {domain.PaymentProcessing, domain.PaymentSucceeded, domain.PaymentFailed, domain.PaymentCanceled},
		domain.PaymentProcessing:     {domain.PaymentRequiresAction, domain.PaymentSucceeded, domain.PaymentFailed, domain.PaymentCanceled},
	}
	all := []domain.PaymentStatus{
		domain.PaymentCreated, domain.PaymentRequiresAction, domain.PaymentProcessing,
		domain.PaymentSucceeded, domain.PaymentFailed, domain.PaymentCanceled,
	}
	for _, from := range all {
		for _, to := range all {
			allowed := from == to
			for _, l := range legal[from] {
				allowed = allowed || l == to
			}
			require.Equal(t, allowed, from.CanBecome(to), "%s to %s", from, to)
		}
		require.Equal(t, legal[from] == nil, from.Final(), from)
	}
}

func TestTopUp_Settlement_CreditsTheWalletFromTheProvidersAccount(t *testing.T) {
	t.Parallel()
	p := topUp(t).Settlement("t1", "sys")
	require.Equal(t, domain.Posting{
		Order: domain.Order{
			ID: "t1", Caller: domain.Caller{ID: "alice"}, From: "sys", To: "w1", Amount: usd(5000), Description: "sandbox top-up",
		},
		Kind: domain.KindTopUp, Payment: "p1",
	}, p)
}
