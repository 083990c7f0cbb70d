// Package stripe moves money through Stripe: PaymentIntents bring it in, Refunds give it back, and
// Transfers pay it out to connected accounts.
//
// Every object carries the payment's id in its metadata, and every call that makes one has it as
// its idempotency key. Start at Provider; what Stripe says is read in charge.go, and its units of
// money in amount.go.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v84"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Name is what the provider is called in requests.
const Name = "stripe"

// Config is what Stripe knows us by.
type Config struct {
	Key           string       // secret or restricted API key
	WebhookSecret string       // of the endpoint that receives our notifications
	URL           string       // https://api.stripe.com
	HTTP          *http.Client // bounds time and memory, and breaks; it does the repeating
}

// Provider implements ports.PaymentProvider, ports.Notifications and ports.Statements.
type Provider struct {
	api           *stripe.Client
	webhookSecret string
}

var (
	_ ports.PaymentProvider = (*Provider)(nil)
	_ ports.Notifications   = (*Provider)(nil)
	_ ports.Statements      = (*Provider)(nil)
)

// New is a provider; it calls nobody yet.
func New(c Config) *Provider {
	return &Provider{
		api: stripe.NewClient(c.Key, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
			HTTPClient: c.HTTP, URL: &c.URL, MaxNetworkRetries: stripe.Int64(0), EnableTelemetry: stripe.Bool(false),
			LeveledLogger: silent{}, // its errors are returned, too, and hold what nobody should log
		}))),
		webhookSecret: c.WebhookSecret,
	}
}

// paymentID is the member of metadata that names our payment.
const paymentID = "payment_id"

// Start implements ports.PaymentProvider.
func (p *Provider) Start(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	amount, whole := units(payment.Amount)
	if !whole {
		return ports.Charge{Status: domain.PaymentFailed, FailureCode: "amount_not_whole", Amount: payment.Amount}, nil
	}
	var c ports.Charge
	var err error
	switch payment.Kind {
	case domain.PaymentTopUp:
		params := &stripe.PaymentIntentCreateParams{
			Amount: &amount, Currency: currency(payment),
			AutomaticPaymentMethods: &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{Enabled: stripe.Bool(true)},
		}
		params.AddMetadata(paymentID, string(payment.ID))
		params.SetIdempotencyKey(string(payment.ID))
		var intent *stripe.PaymentIntent
		if intent, err = p.api.V1PaymentIntents.Create(ctx, params); err == nil {
			c, err = intentCharge(payment, intent)
		}
	case domain.PaymentRefund:
		params := &stripe.RefundCreateParams{PaymentIntent: &payment.ParentRef, Amount: &amount}
		params.AddMetadata(paymentID, string(payment.ID))
		params.SetIdempotencyKey(string(payment.ID))
		var refund *stripe.Refund
		if refund, err = p.api.V1Refunds.Create(ctx, params); err == nil {
			c, err = refundCharge(payment, refund)
		}
	case domain.PaymentWithdrawal:
		params := &stripe.TransferCreateParams{
			Amount: &amount, Currency: currency(payment), Destination: &payment.Destination, TransferGroup: stripe.String(string(payment.ID)),
		}
		params.AddMetadata(paymentID, string(payment.ID))
		params.SetIdempotencyKey(string(payment.ID))
		var transfer *stripe.Transfer
		if transfer, err = p.api.V1Transfers.Create(ctx, params); err == nil {
			c, err = transferCharge(payment, transfer)
		}
	default:
		return ports.Charge{}, fmt.Errorf("stripe: start: %w: it knows no %q", ports.ErrNothingDone, payment.Kind)
	}
	if code, refused := refusal(err); refused {
		return p.refused(ctx, payment, code)
	}
	return c, fault("start", err)
}

// refused is a payment that Stripe says no to, unless it was done before: a key is forgotten after a
// day (docs.stripe.com/api/idempotent_requests), and what went out then is refused as too much now.
// A top-up takes nothing by itself, so there is nothing to look for.
func (p *Provider) refused(ctx context.Context, payment domain.Payment, code string) (ports.Charge, error) {
	failed := ports.Charge{Status: domain.PaymentFailed, FailureCode: code, Amount: payment.Amount}
	if payment.Kind == domain.PaymentTopUp {
		return failed, nil
	}
	c, err := p.find(ctx, payment)
	switch {
	case errors.Is(err, ports.ErrNotKnown):
		return failed, nil
	case err != nil: // not wrapped: that nothing was done just now says nothing about before
		return ports.Charge{}, fmt.Errorf("stripe: start: refused (%s), and whether it was done before is not known: %s", code, err.Error())
	}
	return c, nil
}

func currency(p domain.Payment) *string {
	return stripe.String(strings.ToLower(string(p.Amount.Currency)))
}

// Look implements ports.PaymentProvider.
func (p *Provider) Look(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	if payment.ProviderRef == "" {
		return p.find(ctx, payment)
	}
	var c ports.Charge
	var err error
	switch payment.Kind {
	case domain.PaymentTopUp:
		params := &stripe.PaymentIntentRetrieveParams{}
		params.AddExpand("latest_charge")
		var intent *stripe.PaymentIntent
		if intent, err = p.api.V1PaymentIntents.Retrieve(ctx, payment.ProviderRef, params); err == nil {
			c, err = intentCharge(payment, intent)
		}
		if err == nil && intent.LatestCharge != nil && intent.LatestCharge.Disputed {
			c.Disputes, err = p.disputes(ctx, intent.ID)
		}
	case domain.PaymentRefund:
		var refund *stripe.Refund
		if refund, err = p.api.V1Refunds.Retrieve(ctx, payment.ProviderRef, nil); err == nil {
			c, err = refundCharge(payment, refund)
		}
	case domain.PaymentWithdrawal:
		var transfer *stripe.Transfer
		if transfer, err = p.api.V1Transfers.Retrieve(ctx, payment.ProviderRef, nil); err == nil {
			c, err = transferCharge(payment, transfer)
		}
	default:
		err = unfitf("it knows no %q", payment.Kind)
	}
	if missing(err) {
		return ports.Charge{}, ports.ErrNotKnown
	}
	return c, fault("look", err)
}

const (
	pageSize = 100
	// lookThrough bounds how many objects of a list are looked through for one of ours.
	lookThrough = 2000
	// slack is how much clocks may differ.
	slack = 5 * time.Minute
)

// startedWithin are the spans of time after it was stored in which a payment may have been started,
// the likeliest first. Stripe lists the newest first: looked through from now on back, a payment
// that was lost yesterday would be hidden behind all those of today.
var startedWithin = []struct{ from, to time.Duration }{
	{-slack, 2 * slack},
	{2 * slack, time.Hour},
	{time.Hour, 4 * time.Hour},
	{4 * time.Hour, 12 * time.Hour},
	{12 * time.Hour, 24 * time.Hour},
	{24 * time.Hour, 48 * time.Hour},
}

// find looks for the object of a payment whose answer was lost: by its metadata, among what Stripe
// lists. That does not depend on the idempotency key, under which Stripe repeats the first
// answer, an error 500 too (docs.stripe.com/api/idempotent_requests).
func (p *Provider) find(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	switch payment.Kind {
	case domain.PaymentRefund:
		params := &stripe.RefundListParams{PaymentIntent: &payment.ParentRef, ListParams: stripe.ListParams{Limit: stripe.Int64(pageSize)}}
		return found(p.api.V1Refunds.List(ctx, params), payment, refundCharge)
	case domain.PaymentWithdrawal:
		params := &stripe.TransferListParams{
			TransferGroup: stripe.String(string(payment.ID)), ListParams: stripe.ListParams{Limit: stripe.Int64(pageSize)},
		}
		return found(p.api.V1Transfers.List(ctx, params), payment, transferCharge)
	case domain.PaymentTopUp:
		return p.findIntent(ctx, payment)
	}
	return ports.Charge{}, fmt.Errorf("stripe: find: it knows no %q", payment.Kind)
}

func (p *Provider) findIntent(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	for _, span := range startedWithin {
		since := payment.CreatedAt.Add(span.from)
		if time.Now().Add(slack).Before(since) {
			break // nothing was made then yet
		}
		c, err := found(p.api.V1PaymentIntents.List(ctx, &stripe.PaymentIntentListParams{
			CreatedRange: &stripe.RangeQueryParams{
				GreaterThanOrEqual: since.Unix(), LesserThan: payment.CreatedAt.Add(span.to).Unix(),
			},
			ListParams: stripe.ListParams{Limit: stripe.Int64(pageSize)},
		}), payment, intentCharge)
		switch {
		case errors.Is(err, ports.ErrNotKnown):
			continue
		case err != nil || c.Status != domain.PaymentSucceeded:
			return c, err
		}
		payment.ProviderRef = c.ProviderRef // once more, with its disputes
		return p.Look(ctx, payment)
	}
	return ports.Charge{}, ports.ErrNotKnown
}

// Capture implements ports.PaymentProvider: Stripe takes what the payer confirmed by itself.
func (p *Provider) Capture(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	return p.Look(ctx, payment)
}

// Cancel implements ports.PaymentProvider.
func (p *Provider) Cancel(ctx context.Context, payment domain.Payment) (ports.Charge, error) {
	intent, err := p.api.V1PaymentIntents.Cancel(ctx, payment.ProviderRef, nil)
	if _, refused := refusal(err); refused { // it was paid, or canceled, meanwhile
		return p.Look(ctx, payment)
	}
	var c ports.Charge
	if err == nil {
		c, err = intentCharge(payment, intent)
	}
	return c, fault("cancel", err)
}

type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
