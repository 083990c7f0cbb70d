// Package sandbox is a payment provider for trying things out: it takes every payment, except
// amounts that behave as test cards of real providers do.
package sandbox

import (
	"context"
	"time"

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

var (
	_ ports.PaymentProvider = Provider{}
	_ ports.Gate            = Provider{}
)

// Start implements ports.PaymentProvider.
func (p Provider) Start(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	if payment.Amount.Amount == AmountSettlesLater {
		c := charge(payment)
		c.Status = domain.PaymentProcessing
		return c, nil
	}
	return p.Look(ctx, payment)
}

// Look implements ports.PaymentProvider.
func (Provider) Look(_ context.Context, payment domain.Payment) (ports.Charge, error) {
	c := charge(payment)
	if c.FailureCode = failures[payment.Amount.Amount]; c.FailureCode != "" {
		c.Status = domain.PaymentFailed
	}
	return c, nil
}

// Capture implements ports.PaymentProvider; nobody has to approve anything here.
func (p Provider) Capture(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	return p.Look(ctx, payment)
}

// Cancel implements ports.PaymentProvider; nothing here waits for a payer.
func (p Provider) Cancel(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	return p.Look(ctx, payment)
}

// Ready implements ports.Gate.
func (Provider) Ready() (time.Duration, bool) { return 0, true }

func charge(p domain.Payment) ports.Charge {
	return ports.Charge{Status: domain.PaymentSucceeded, ProviderRef: "sandbox_" + string(p.ID), Amount: p.Amount}
}
