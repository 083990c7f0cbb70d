package paypal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// order is developer.paypal.com/docs/api/orders/v2 as far as it is read.
type order struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Units  []struct {
		CustomID string `json:"custom_id"`
		Amount   amount `json:"amount"`
		Payments struct {
			Captures []payment `json:"captures"`
			Refunds  []payment `json:"refunds"`
		} `json:"payments"`
	} `json:"purchase_units"`
	Links []struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	} `json:"links"`
}

// payment is a capture or a refund.
type payment struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	CustomID string `json:"custom_id"`
	Amount   amount `json:"amount"`
}

func (p *Provider) createOrder(ctx context.Context, t domain.Payment) (ports.Charge, error) {
	asked := map[string]any{
		"intent": "CAPTURE",
		"purchase_units": []any{map[string]any{
			"reference_id": "default", "custom_id": t.ID, "amount": amountOf(t.Amount),
		}},
		"payment_source": map[string]any{"paypal": map[string]any{"experience_context": map[string]any{
			"return_url": p.ReturnURL, "cancel_url": p.CancelURL, "user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING",
		}}},
	}
	var o order
	if err := p.call(ctx, http.MethodPost, "/v2/checkout/orders", string(t.ID), asked, &o); err != nil {
		return ports.Charge{}, err
	}
	return o.charge(t)
}

func (p *Provider) order(ctx context.Context, ref string) (order, error) {
	var o order
	return o, p.call(ctx, http.MethodGet, "/v2/checkout/orders/"+url.PathEscape(ref), "", nil, &o)
}

func (p *Provider) readOrder(ctx context.Context, t domain.Payment) (ports.Charge, error) {
	o, err := p.order(ctx, t.ProviderRef)
	switch {
	case isStatus(err, http.StatusNotFound) && t.Status.Open():
		// Nobody approved it in time, and it is gone: nothing was captured.
		return ports.Charge{Status: domain.PaymentCanceled, ProviderRef: t.ProviderRef, Amount: t.Amount}, nil
	case err != nil:
		return ports.Charge{}, err
	}
	c, err := o.charge(t)
	if err != nil || c.Status != domain.PaymentSucceeded {
		return c, err
	}
	c.Disputes, err = p.disputes(ctx, o.Units[0].Payments.Captures[0].ID)
	return c, err
}

// charge says where the order of a top-up stands.
func (o order) charge(t domain.Payment) (ports.Charge, error) {
	if len(o.Units) != 1 {
		return ports.Charge{}, fmt.Errorf("order %q has %d units", o.ID, len(o.Units))
	}
	unit := o.Units[0]
	if err := ours(t, o.ID, unit.CustomID); err != nil {
		return ports.Charge{}, err
	}
	c := ports.Charge{ProviderRef: o.ID}
	var err error
	if c.Amount, err = unit.Amount.money(); err != nil {
		return ports.Charge{}, err
	}
	switch o.Status {
	case "CREATED", "SAVED", "PAYER_ACTION_REQUIRED":
		c.Status = domain.PaymentRequiresAction
		for _, l := range o.Links {
			if l.Rel == "payer-action" || l.Rel == "approve" {
				c.Action.RedirectURL = l.Href
			}
		}
		return c, nil
	case "APPROVED":
		c.Status, c.Approved = domain.PaymentRequiresAction, true
		return c, nil
	case "VOIDED":
		c.Status = domain.PaymentCanceled
		return c, nil
	case "COMPLETED":
		if len(unit.Payments.Captures) != 1 {
			return ports.Charge{}, fmt.Errorf("order %q was captured %d times", o.ID, len(unit.Payments.Captures))
		}
		return unit.Payments.Captures[0].charge(c)
	}
	return ports.Charge{}, fmt.Errorf("order %q has status %q", o.ID, o.Status)
}

// paymentStatus is captures and refunds in our words; what was given back was captured.
var paymentStatus = map[string]domain.PaymentStatus{
	"COMPLETED": domain.PaymentSucceeded, "PARTIALLY_REFUNDED": domain.PaymentSucceeded, "REFUNDED": domain.PaymentSucceeded,
	"PENDING": domain.PaymentProcessing, "DECLINED": domain.PaymentFailed, "FAILED": domain.PaymentFailed, "CANCELLED": domain.PaymentFailed,
}

// charge is c with the status and amount of a capture or refund.
func (m payment) charge(c ports.Charge) (ports.Charge, error) {
	status, known := paymentStatus[m.Status]
	if !known {
		return ports.Charge{}, fmt.Errorf("payment %q has status %q", m.ID, m.Status)
	}
	c.Status = status
	if status == domain.PaymentFailed {
		c.FailureCode = m.Status
	}
	var err error
	c.Amount, err = m.Amount.money()
	return c, err
}

// captured returns the one capture of the top-up that a refund gives back.
func (p *Provider) captured(ctx context.Context, r domain.Payment) (order, payment, error) {
	o, err := p.order(ctx, r.ParentRef)
	if err != nil {
		return order{}, payment{}, err
	}
	if len(o.Units) != 1 || len(o.Units[0].Payments.Captures) != 1 || o.Units[0].CustomID != string(r.Parent) {
		return order{}, payment{}, fmt.Errorf("order %q was not captured once for %s", o.ID, r.Parent)
	}
	return o, o.Units[0].Payments.Captures[0], nil
}

func (p *Provider) createRefund(ctx context.Context, r domain.Payment) (ports.Charge, error) {
	_, capture, err := p.captured(ctx, r)
	if err != nil {
		return ports.Charge{}, unsent(err)
	}
	var m payment
	err = p.call(ctx, http.MethodPost, "/v2/payments/captures/"+url.PathEscape(capture.ID)+"/refund", string(r.ID),
		map[string]any{"amount": amountOf(r.Amount), "custom_id": r.ID}, &m)
	if err != nil {
		return ports.Charge{}, err
	}
	return m.refund(r)
}

// unsent marks the failure of a question that came before what would have moved money.
func unsent(err error) error { return fmt.Errorf("%w: %w", ports.ErrNothingDone, err) }

func (m payment) refund(r domain.Payment) (ports.Charge, error) {
	if err := ours(r, m.ID, m.CustomID); err != nil {
		return ports.Charge{}, err
	}
	return m.charge(ports.Charge{ProviderRef: m.ID})
}

// findRefund looks among the refunds of the top-up: by our id, whether its answer was lost or not.
func (p *Provider) findRefund(ctx context.Context, r domain.Payment) (ports.Charge, error) {
	o, _, err := p.captured(ctx, r)
	if err != nil {
		return ports.Charge{}, err
	}
	for _, m := range o.Units[0].Payments.Refunds {
		if m.CustomID == string(r.ID) {
			return m.refund(r)
		}
	}
	return ports.Charge{}, ports.ErrNotKnown
}
