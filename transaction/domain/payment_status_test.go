package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
)

func TestPaymentStatus_FollowsOnlyLegalTransitions(t *testing.T) {
	t.Parallel()
	open := []domain.PaymentStatus{domain.PaymentSucceeded, domain.PaymentFailed, domain.PaymentCanceled}
	legal := map[domain.PaymentStatus][]domain.PaymentStatus{
		domain.PaymentCreated:           append([]domain.PaymentStatus{domain.PaymentRequiresAction, domain.PaymentProcessing}, open...),
		domain.PaymentRequiresAction:    append([]domain.PaymentStatus{domain.PaymentProcessing}, open...),
		domain.PaymentProcessing:        append([]domain.PaymentStatus{domain.PaymentRequiresAction}, open...),
		domain.PaymentSucceeded:         {domain.PaymentPartiallyRefunded, domain.PaymentRefunded, domain.PaymentDisputed},
		domain.PaymentPartiallyRefunded: {domain.PaymentRefunded, domain.PaymentDisputed},
		domain.PaymentRefunded:          {domain.PaymentDisputed},
		domain.PaymentDisputed:          {domain.PaymentSucceeded, domain.PaymentPartiallyRefunded, domain.PaymentRefunded},
	}
	all := domain.PaymentStatuses()
	require.Len(t, all, 9)
	for _, from := range all {
		for _, to := range all {
			allowed := from == to
			for _, l := range legal[from] {
				allowed = allowed || l == to
			}
			require.Equal(t, allowed, from.CanBecome(to), "%s to %s", from, to)
		}
	}
}

func TestPaymentStatus_KnowsWhatIsOpenAndWhatWasSettled(t *testing.T) {
	t.Parallel()
	for status, want := range map[domain.PaymentStatus][2]bool{
		domain.PaymentCreated: {true, false}, domain.PaymentRequiresAction: {true, false}, domain.PaymentProcessing: {true, false},
		domain.PaymentFailed: {false, false}, domain.PaymentCanceled: {false, false}, domain.PaymentSucceeded: {false, true},
		domain.PaymentPartiallyRefunded: {false, true}, domain.PaymentRefunded: {false, true}, domain.PaymentDisputed: {false, true},
	} {
		require.Equal(t, want, [2]bool{status.Open(), status.Settled()}, status)
	}
}
