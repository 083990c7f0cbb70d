package stripe

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stripe/stripe-go/v84/webhook"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// event is what is read of a notification: what it is about, in Stripe's words or ours.
type event struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data struct {
		Object struct {
			ID            string          `json:"id"`
			Object        string          `json:"object"`
			PaymentIntent json.RawMessage `json:"payment_intent"` // an id, or the object if somebody expanded it
			Metadata      struct {
				PaymentID string `json:"payment_id"`
			} `json:"metadata"`
		} `json:"object"`
	} `json:"data"`
}

// Verify implements ports.Notifications: the signature first, over the bytes as they came, no older
// than 300 s (docs.stripe.com/webhooks#verify-official-libraries). Nothing is parsed before.
func (p *Provider) Verify(_ context.Context, header http.Header, body []byte) (ports.Notification, error) {
	signatures := header.Values("Stripe-Signature")
	// Anybody can sign with a secret that is empty, and the library does not mind.
	if p.webhookSecret == "" || len(signatures) != 1 || webhook.ValidatePayload(body, signatures[0], p.webhookSecret) != nil {
		return ports.Notification{}, ports.ErrForged
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return ports.Notification{}, ports.ErrForged
	}
	n := ports.Notification{EventID: e.ID, Type: e.Type, Payment: domain.PaymentID(e.Data.Object.Metadata.PaymentID)}
	switch o := e.Data.Object; o.Object {
	case "payment_intent", "refund", "transfer":
		n.ProviderRef = o.ID
	case "charge", "dispute":
		n.ProviderRef = intentOf(o.PaymentIntent)
	}
	return n, nil
}

func intentOf(raw json.RawMessage) string {
	var id string
	var expanded struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &id) != nil && json.Unmarshal(raw, &expanded) == nil {
		return expanded.ID
	}
	return id
}
