package sandbox_test

import (
	"context"
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
		1:                               {Status: domain.PaymentSucceeded},
		sandbox.AmountDeclined:          {Status: domain.PaymentFailed, FailureCode: "card_declined"},
		sandbox.AmountInsufficientFunds: {Status: domain.PaymentFailed, FailureCode: "insufficient_funds"},
		sandbox.AmountExpiredCard:       {Status: domain.PaymentFailed, FailureCode: "expired_card"},
		sandbox.AmountProcessingError:   {Status: domain.PaymentFailed, FailureCode: "processing_error"},
		sandbox.AmountSettlesLater:      {Status: domain.PaymentProcessing},
	} {
		want.ProviderRef = "sandbox_p1"
		top := domain.Payment{ID: "p1", Amount: money.Money{Amount: amount, Currency: "JPY"}}
		want.Amount = top.Amount
		got, err := sandbox.Provider{}.Start(t.Context(), top)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	later := domain.Payment{ID: "p1", Amount: money.Money{Amount: sandbox.AmountSettlesLater}}
	for _, ask := range []func(context.Context, domain.Payment) (ports.Charge, error){
		sandbox.Provider{}.Look, sandbox.Provider{}.Capture, sandbox.Provider{}.Cancel,
	} {
		got, err := ask(t.Context(), later)
		require.NoError(t, err)
		require.Equal(t, domain.PaymentSucceeded, got.Status)
	}
	_, ready := sandbox.Provider{}.Ready()
	require.True(t, ready)
}
