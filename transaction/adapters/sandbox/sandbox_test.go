package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/adapters/sandbox"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func TestSandbox_SettlesExceptForMagicAmounts(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]ports.Charge{
		1:                               {Status: domain.TopUpSucceeded},
		sandbox.AmountDeclined:          {Status: domain.TopUpFailed, FailureCode: "card_declined"},
		sandbox.AmountInsufficientFunds: {Status: domain.TopUpFailed, FailureCode: "insufficient_funds"},
		sandbox.AmountExpiredCard:       {Status: domain.TopUpFailed, FailureCode: "expired_card"},
		sandbox.AmountProcessingError:   {Status: domain.TopUpFailed, FailureCode: "processing_error"},
		sandbox.AmountSettlesLater:      {Status: domain.TopUpProcessing},
	} {
		want.ProviderRef = "sandbox_p1"
		top := domain.TopUp{ID: "p1", Amount: money.Money{Amount: amount, Currency: "JPY"}}
		got, err := sandbox.Provider{}.Start(t.Context(), top)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := sandbox.Provider{}.Look(t.Context(), domain.TopUp{ID: "p1", Amount: money.Money{Amount: sandbox.AmountSettlesLater}})
	require.NoError(t, err)
	require.Equal(t, domain.TopUpSucceeded, got.Status)
}
