package stripe

import (
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v84"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// ours refuses what is not about the payment that was asked about: another id than the one that
// was known, another payment's, or something that does not fit it in kind or in where the money
// goes. What is not known of the payment is not compared: a statement's lines are about any.
func ours(p domain.Payment, id string, metadata map[string]string, fits bool) error {
	if id == "" || p.ProviderRef != "" && p.ProviderRef != id || metadata[paymentID] != string(p.ID) || !fits {
		return unfitf("an answer about another payment: %q", id)
	}
	return nil
}

// intentStatus is docs.stripe.com/payments/paymentintents/lifecycle in our words. A payer whose
// attempt failed may try again, so that is no end.
var intentStatus = map[stripe.PaymentIntentStatus]domain.PaymentStatus{
	stripe.PaymentIntentStatusRequiresPaymentMethod: domain.PaymentRequiresAction,
	stripe.PaymentIntentStatusRequiresConfirmation:  domain.PaymentRequiresAction,
	stripe.PaymentIntentStatusRequiresAction:        domain.PaymentRequiresAction,
	stripe.PaymentIntentStatusProcessing:            domain.PaymentProcessing,
	stripe.PaymentIntentStatusRequiresCapture:       domain.PaymentProcessing,
	stripe.PaymentIntentStatusSucceeded:             domain.PaymentSucceeded,
	stripe.PaymentIntentStatusCanceled:              domain.PaymentCanceled,
}

func intentCharge(p domain.Payment, i *stripe.PaymentIntent) (ports.Charge, error) {
	status, known := intentStatus[i.Status]
	if !known {
		return ports.Charge{}, unfitf("payment intent %s has status %q", i.ID, i.Status)
	}
	taken := i.Amount
	if status == domain.PaymentSucceeded {
		taken = i.AmountReceived
	}
	amount, err := amountOf(taken, i.Currency)
	if err != nil {
		return ports.Charge{}, err
	}
	c := ports.Charge{Status: status, ProviderRef: i.ID, Amount: amount}
	if status == domain.PaymentRequiresAction {
		c.Action.ClientSecret = i.ClientSecret
		if i.LastPaymentError != nil {
			c.FailureCode = string(i.LastPaymentError.Code)
		}
	}
	return c, ours(p, i.ID, i.Metadata, i.Object == "payment_intent")
}

// refundStatus is docs.stripe.com/refunds#refund-object in our words.
var refundStatus = map[stripe.RefundStatus]domain.PaymentStatus{
	stripe.RefundStatusPending:        domain.PaymentProcessing,
	stripe.RefundStatusRequiresAction: domain.PaymentProcessing,
	stripe.RefundStatusSucceeded:      domain.PaymentSucceeded,
	stripe.RefundStatusFailed:         domain.PaymentFailed,
	stripe.RefundStatusCanceled:       domain.PaymentFailed,
}

func refundCharge(p domain.Payment, r *stripe.Refund) (ports.Charge, error) {
	status, known := refundStatus[r.Status]
	if !known {
		return ports.Charge{}, unfitf("refund %s has status %q", r.ID, r.Status)
	}
	amount, err := amountOf(r.Amount, r.Currency)
	if err != nil {
		return ports.Charge{}, err
	}
	fits := p.ParentRef == "" || r.PaymentIntent != nil && r.PaymentIntent.ID == p.ParentRef
	return ports.Charge{
		Status: status, ProviderRef: r.ID, Amount: amount, FailureCode: string(r.FailureReason),
	}, ours(p, r.ID, r.Metadata, fits && r.Object == "refund")
}

// transferCharge: a transfer that Stripe has made has moved the money (docs.stripe.com/api/transfers).
func transferCharge(p domain.Payment, t *stripe.Transfer) (ports.Charge, error) {
	if t.AmountReversed < 0 {
		return ports.Charge{}, unfitf("transfer %s cannot be read", t.ID)
	}
	amount, err := amountOf(t.Amount, t.Currency)
	if err != nil {
		return ports.Charge{}, err
	}
	fits := p.Destination == "" || t.Destination != nil && t.Destination.ID == p.Destination
	return ports.Charge{Status: domain.PaymentSucceeded, ProviderRef: t.ID, Amount: amount},
		ours(p, t.ID, t.Metadata, fits && t.Object == "transfer")
}

// found returns the object of the payment among those of a list. Errors: ports.ErrNotKnown.
func found[T interface {
	*stripe.PaymentIntent | *stripe.Refund | *stripe.Transfer
}](list stripe.Seq2[T, error], p domain.Payment, read func(domain.Payment, T) (ports.Charge, error),
) (ports.Charge, error) {
	n := 0
	for object, err := range list {
		switch {
		case missing(err): // a refund of what Stripe does not have
			return ports.Charge{}, ports.ErrNotKnown
		case err != nil:
			return ports.Charge{}, fault("find", err)
		}
		if metadataOf(object)[paymentID] == string(p.ID) {
			c, err := read(p, object)
			return c, fault("find", err)
		}
		if n++; n == lookThrough {
			return ports.Charge{}, fmt.Errorf("stripe: payment %s is not among the %d newest", p.ID, n)
		}
	}
	return ports.Charge{}, ports.ErrNotKnown
}

func metadataOf(object any) map[string]string {
	switch o := object.(type) {
	case *stripe.PaymentIntent:
		return o.Metadata
	case *stripe.Refund:
		return o.Metadata
	case *stripe.Transfer:
		return o.Metadata
	}
	return nil
}

// takesNothing is the status of a dispute that never had our money: an inquiry (warning) may
// become a dispute under the same id, and one that was prevented was given back as a refund.
const takesNothing domain.DisputeStatus = ""

// disputeStatus is docs.stripe.com/disputes/how-disputes-work in our words.
var disputeStatus = map[stripe.DisputeStatus]domain.DisputeStatus{
	stripe.DisputeStatusNeedsResponse:        domain.DisputeOpen,
	stripe.DisputeStatusUnderReview:          domain.DisputeOpen,
	stripe.DisputeStatusWon:                  domain.DisputeWon,
	stripe.DisputeStatusLost:                 domain.DisputeLost,
	stripe.DisputeStatusWarningNeedsResponse: takesNothing,
	stripe.DisputeStatusWarningUnderReview:   takesNothing,
	stripe.DisputeStatusWarningClosed:        takesNothing,
	stripe.DisputeStatusPrevented:            takesNothing,
}

func (p *Provider) disputes(ctx context.Context, intent string) ([]domain.DisputeNotice, error) {
	params := &stripe.DisputeListParams{PaymentIntent: &intent}
	var notices []domain.DisputeNotice
	for d, err := range p.api.V1Disputes.List(ctx, params) {
		if err != nil {
			return nil, err
		}
		status, known := disputeStatus[d.Status]
		switch {
		case !known:
			return nil, unfitf("dispute %s has status %q", d.ID, d.Status)
		case status == takesNothing:
			continue
		}
		amount, err := amountOf(d.Amount, d.Currency)
		if err != nil {
			return nil, err
		}
		notices = append(notices, domain.DisputeNotice{Ref: d.ID, Amount: amount, Status: status})
	}
	return notices, nil
}
