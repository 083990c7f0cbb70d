package paypal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// batch is developer.paypal.com/docs/api/payments.payouts-batch/v1 as far as it is read. Ours have
// one item each.
type batch struct {
	Header struct {
		ID     string `json:"payout_batch_id"`
		Status string `json:"batch_status"`
		Sender struct {
			ID string `json:"sender_batch_id"`
		} `json:"sender_batch_header"`
	} `json:"batch_header"`
	Items []struct {
		Status string `json:"transaction_status"`
		Item   struct {
			SenderItemID string `json:"sender_item_id"`
			Amount       amount `json:"amount"`
		} `json:"payout_item"`
		Errors struct {
			Name string `json:"name"`
		} `json:"errors"`
	} `json:"items"`
}

func (p *Provider) createPayout(ctx context.Context, w domain.Payment) (ports.Charge, error) {
	asked := map[string]any{
		"sender_batch_header": map[string]any{"sender_batch_id": w.ID, "recipient_type": "EMAIL"},
		"items": []any{map[string]any{
			"recipient_type": "EMAIL", "receiver": w.Destination, "sender_item_id": w.ID,
			"amount": amount{Currency: string(w.Amount.Currency), Value: w.Amount.Decimal()},
		}},
	}
	var b batch
	err := p.call(ctx, http.MethodPost, "/v1/payments/payouts", string(w.ID), asked, &b)
	if batchID, repeated := earlierBatch(err); repeated {
		if batchID == "" {
			return ports.Charge{}, keepUnknown(err)
		}
		return p.readPayout(ctx, w, batchID)
	}
	if err != nil && w.Status != domain.PaymentCreated {
		// An earlier try may have made it, and this refusal is of this one: a balance that is used up
		// by then, say.
		return ports.Charge{}, keepUnknown(err)
	}
	if err != nil {
		return ports.Charge{}, err
	}
	return b.charge(w)
}

// earlierBatch says whether a payout is refused for being a repeat: a sender_batch_id is used once
// in 30 days, and the refusal links to the batch that it made. Of a refusal with no reason nobody
// can say that it is of anything else.
func earlierBatch(err error) (id string, repeated bool) {
	var e *apiError
	if !errors.As(err, &e) || e.status != http.StatusBadRequest || e.Name != "USER_BUSINESS_ERROR" {
		return "", false
	}
	for _, d := range e.Details {
		if d.Field != "SENDER_BATCH_ID" {
			continue
		}
		for _, l := range d.Links {
			if u, err := url.Parse(l.Href); err == nil && l.Rel == "self" {
				return path.Base(u.Path), true
			}
		}
		return "", true
	}
	return "", len(e.Details) == 0
}

func (p *Provider) readPayout(ctx context.Context, w domain.Payment, ref string) (ports.Charge, error) {
	var b batch
	if err := p.call(ctx, http.MethodGet, "/v1/payments/payouts/"+url.PathEscape(ref), "", nil, &b); err != nil {
		return ports.Charge{}, keepUnknown(err)
	}
	return b.charge(w)
}

// keepUnknown hides that an answer is a refusal: it refuses to tell, not to pay.
func keepUnknown(err error) error {
	if _, refused := refusal(err); refused {
		return fmt.Errorf("no word of the payout: %s", err.Error())
	}
	return err
}

// itemStatus is in our words: an item that nobody claimed is still on its way, and comes back.
var itemStatus = map[string]domain.PaymentStatus{
	"SUCCESS": domain.PaymentSucceeded, "NEW": domain.PaymentProcessing, "PENDING": domain.PaymentProcessing,
	"UNCLAIMED": domain.PaymentProcessing, "ONHOLD": domain.PaymentProcessing, "FAILED": domain.PaymentFailed,
	"RETURNED": domain.PaymentFailed, "BLOCKED": domain.PaymentFailed, "DENIED": domain.PaymentFailed, "REFUNDED": domain.PaymentFailed,
	"REVERSED": domain.PaymentFailed, "CANCELED": domain.PaymentFailed,
}

// batchStatus is of a batch whose items are not told.
var batchStatus = map[string]domain.PaymentStatus{
	"NEW": domain.PaymentProcessing, "PENDING": domain.PaymentProcessing, "PROCESSING": domain.PaymentProcessing,
	"ACKNOWLEDGED": domain.PaymentProcessing, "SUCCESS": domain.PaymentProcessing,
	"DENIED": domain.PaymentFailed, "CANCELED": domain.PaymentFailed,
}

func (b batch) charge(w domain.Payment) (ports.Charge, error) {
	if err := ours(w, b.Header.ID, b.Header.Sender.ID); err != nil {
		return ports.Charge{}, err
	}
	c := ports.Charge{ProviderRef: b.Header.ID, Amount: w.Amount}
	status, known := batchStatus[b.Header.Status]
	switch {
	case len(b.Items) > 1:
		return ports.Charge{}, fmt.Errorf("payout %q has %d items", b.Header.ID, len(b.Items))
	case len(b.Items) == 1:
		item := b.Items[0]
		if err := ours(w, b.Header.ID, item.Item.SenderItemID); err != nil {
			return ports.Charge{}, err
		}
		var err error
		if c.Amount, err = item.Item.Amount.money(); err != nil {
			return ports.Charge{}, err
		}
		status, known = itemStatus[item.Status]
		c.FailureCode = item.Errors.Name
		if status == domain.PaymentFailed && c.FailureCode == "" {
			c.FailureCode = item.Status
		}
	case status == domain.PaymentFailed:
		c.FailureCode = b.Header.Status
	}
	if !known {
		return ports.Charge{}, fmt.Errorf("payout %q has a status that is not known", b.Header.ID)
	}
	c.Status = status
	return c, nil
}
