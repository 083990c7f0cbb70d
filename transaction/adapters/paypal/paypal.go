// Package paypal moves money through PayPal: Orders bring it in once the payer approves, Refunds
// give it back, Payouts pay it out to PayPal accounts.
//
// It speaks plain HTTP, written from developer.paypal.com/docs/api: what MicroPay needs is a
// dozen calls, each with an idempotency key of ours (PayPal-Request-Id), bounded by our client and
// with errors that say whether anything may have been done. Every object carries the payment's id
// as its custom_id. Start at Provider; client.go is how calls are made.
package paypal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

const (
	// Name is what the provider is called in requests.
	Name = "paypal"
	// KeyHeader is PayPal's idempotency key.
	KeyHeader = "PayPal-Request-Id"
)

// Config is what PayPal knows us by.
type Config struct {
	ClientID, Secret string
	WebhookID        string // of the webhook that sends our notifications
	URL              string // https://api-m.paypal.com
	ReturnURL        string // where the payer comes back to
	CancelURL        string
	HTTP             *http.Client // bounds time and memory, and breaks
	Now              func() time.Time
}

// Provider implements ports.PaymentProvider, ports.Notifications and ports.Statements.
type Provider struct {
	Config
	tokens sync.Mutex // guards all below
	token  string
	until  time.Time
}

var (
	_ ports.PaymentProvider = (*Provider)(nil)
	_ ports.Notifications   = (*Provider)(nil)
	_ ports.Statements      = (*Provider)(nil)
)

// New is a provider; it calls nobody yet.
func New(c Config) *Provider { return &Provider{Config: c} }

// Start implements ports.PaymentProvider.
func (p *Provider) Start(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	var c ports.Charge
	var err error
	switch payment.Kind {
	case domain.PaymentTopUp:
		c, err = p.createOrder(ctx, payment)
	case domain.PaymentRefund:
		c, err = p.createRefund(ctx, payment)
	case domain.PaymentWithdrawal:
		c, err = p.createPayout(ctx, payment)
	}
	if issue, refused := refusal(err); refused {
		return ports.Charge{Status: domain.PaymentFailed, FailureCode: issue, Amount: payment.Amount}, nil
	}
	return c, fault("start", err)
}

// Look implements ports.PaymentProvider.
func (p *Provider) Look(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	var c ports.Charge
	var err error
	switch {
	case payment.Kind == domain.PaymentRefund:
		c, err = p.findRefund(ctx, payment)
	case payment.ProviderRef == "":
		// Neither orders nor payouts can be asked for by our id. Starting once more is safe: PayPal
		// repeats its first answer, for 6 hours of an order, 30 days of a payout.
		return ports.Charge{}, ports.ErrNotKnown
	case payment.Kind == domain.PaymentTopUp:
		c, err = p.readOrder(ctx, payment)
	case payment.Kind == domain.PaymentWithdrawal:
		c, err = p.readPayout(ctx, payment, payment.ProviderRef)
	}
	return c, fault("look", err)
}

// Capture implements ports.PaymentProvider.
func (p *Provider) Capture(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	var o order
	err := p.call(ctx, http.MethodPost, "/v2/checkout/orders/"+url.PathEscape(payment.ProviderRef)+"/capture", string(payment.ID)+"-capture", struct{}{}, &o)
	issue, refused := refusal(err)
	switch {
	case issue == "ORDER_ALREADY_CAPTURED":
		return p.Look(ctx, payment)
	case issue == "ORDER_NOT_APPROVED":
		return ports.Charge{Status: domain.PaymentRequiresAction, ProviderRef: payment.ProviderRef, Amount: payment.Amount}, nil
	case refused:
		return ports.Charge{Status: domain.PaymentFailed, ProviderRef: payment.ProviderRef, FailureCode: issue, Amount: payment.Amount}, nil
	case err != nil:
		return ports.Charge{}, fault("capture", err)
	}
	c, err := o.charge(payment)
	return c, fault("capture", err)
}

// Cancel implements ports.PaymentProvider. PayPal takes nothing that we do not capture, and has no
// call to give an order up: that we never capture it is all there is to do.
func (p *Provider) Cancel(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	c, err := p.Look(ctx, payment)
	if err != nil || !c.Status.Open() {
		return c, err
	}
	return ports.Charge{Status: domain.PaymentCanceled, ProviderRef: payment.ProviderRef, Amount: payment.Amount}, nil
}

// ours refuses what is not about the payment that was asked about.
func ours(p domain.Payment, ref, id string) error {
	if ref == "" || id != string(p.ID) {
		return fmt.Errorf("an answer about another payment: %q", ref)
	}
	return nil
}
