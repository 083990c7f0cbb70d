package paypal

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// event is what is read of a notification.
type event struct {
	ID       string `json:"id"`
	Type     string `json:"event_type"`
	Resource struct {
		ID       string `json:"id"`
		CustomID string `json:"custom_id"`
		Units    []struct {
			CustomID string `json:"custom_id"`
		} `json:"purchase_units"`
		SenderBatchID string `json:"sender_batch_id"`
		Supplementary struct {
			Related struct {
				OrderID string `json:"order_id"`
			} `json:"related_ids"`
		} `json:"supplementary_data"`
		Disputed []struct {
			Custom string `json:"custom"`
		} `json:"disputed_transactions"`
	} `json:"resource"`
}

// Verify implements ports.Notifications by asking PayPal whether it sent exactly these bytes
// (developer.paypal.com/docs/api/webhooks/v1/#verify-webhook-signature_post). When it cannot be
// asked, nothing is believed, and PayPal sends the notification again, up to 25 times in 3 days;
// so there is no limit to its age, and one that is repeated makes us look once more at most.
func (p *Provider) Verify(ctx context.Context, header http.Header, body []byte) (ports.Notification, error) {
	asked := map[string]any{"webhook_id": p.WebhookID, "webhook_event": json.RawMessage(body)}
	for name, member := range map[string]string{
		"Paypal-Auth-Algo": "auth_algo", "Paypal-Cert-Url": "cert_url", "Paypal-Transmission-Id": "transmission_id",
		"Paypal-Transmission-Sig": "transmission_sig", "Paypal-Transmission-Time": "transmission_time",
	} {
		values := header.Values(name)
		if len(values) != 1 || values[0] == "" {
			return ports.Notification{}, ports.ErrForged
		}
		asked[member] = values[0]
	}
	if !p.certifiedByPayPal(header.Get("Paypal-Cert-Url")) || !json.Valid(body) { // it has to fit into the question
		return ports.Notification{}, ports.ErrForged
	}
	var verdict struct {
		Status string `json:"verification_status"`
	}
	if err := p.call(ctx, http.MethodPost, "/v1/notifications/verify-webhook-signature", "", asked, &verdict); err != nil {
		if _, refused := refusal(err); refused {
			return ports.Notification{}, ports.ErrForged
		}
		return ports.Notification{}, fault("verify", err)
	}
	if verdict.Status != "SUCCESS" {
		return ports.Notification{}, ports.ErrForged
	}
	return read(body)
}

// certifiedByPayPal keeps a forger from naming a certificate of their own.
func (p *Provider) certifiedByPayPal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	own, err := url.Parse(p.URL)
	return u.Hostname() == "paypal.com" || strings.HasSuffix(u.Hostname(), ".paypal.com") || err == nil && u.Host == own.Host
}

func read(body []byte) (ports.Notification, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return ports.Notification{}, ports.ErrForged
	}
	n := ports.Notification{EventID: e.ID, Type: e.Type, Payment: domain.PaymentID(e.Resource.CustomID)}
	switch r := e.Resource; {
	case len(r.Units) > 0:
		n.Payment, n.ProviderRef = domain.PaymentID(r.Units[0].CustomID), r.ID
	case len(r.Disputed) > 0:
		n.Payment = domain.PaymentID(r.Disputed[0].Custom)
	case r.SenderBatchID != "":
		n.Payment = domain.PaymentID(r.SenderBatchID)
	default:
		n.ProviderRef = r.Supplementary.Related.OrderID
	}
	return n, nil
}
