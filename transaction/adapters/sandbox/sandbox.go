// Package sandbox is a payment provider for trying things out: it takes every payment, except
// amounts that behave as test cards of real providers do.
package sandbox

import (
	"context"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Name is what the provider is called in requests.
const Name = "sandbox"

// The amounts, in minor units of any currency, that do not just succeed. Their last digits are
// those of Stripe's test cards (docs.stripe.com/testing).
const (
	AmountDeclined          = 40_00_02
	AmountInsufficientFunds = 40_99_95
	AmountExpiredCard       = 40_00_69
	AmountProcessingError   = 40_01_19
	AmountSettlesLater      = 40_32_20
)

var failures = map[int64]string{
	AmountDeclined:          "card_declined",
	AmountInsufficientFunds: "insufficient_funds",
	AmountExpiredCard:       "expired_card",
	AmountProcessingError:   "processing_error",
}

// Provider implements ports.PaymentProvider. What becomes of a payment follows from the payment
// alone, so that there is nothing to remember and nothing to lose.
type Provider struct{}

var _ ports.PaymentProvider = Provider{}

// Start implements ports.PaymentProvider.
func (p Provider) Start(ctx context.Context, t domain.Payment) (ports.Charge, error) {
	if t.Amount.Amount == AmountSettlesLater {
		return ports.Charge{Status: domain.PaymentProcessing, ProviderRef: reference(t)}, nil
	}
	return p.Look(ctx, t)
}

// Look implements ports.PaymentProvider.
func (Provider) Look(_ context.Context, t domain.Payment) (ports.Charge, error) {
	if code := failures[t.Amount.Amount]; code != "" {
		return ports.Charge{Status: domain.PaymentFailed, ProviderRef: reference(t), FailureCode: code}, nil
	}
	return ports.Charge{Status: domain.PaymentSucceeded, ProviderRef: reference(t)}, nil
}

func reference(t domain.Payment) string { return "sandbox_" + string(t.ID) }
