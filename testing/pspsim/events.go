package pspsim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v84"
	"github.com/stripe/stripe-go/v84/webhook"
)

// Event is what the provider tells by itself.
type Event struct {
	ID, Type string
	Body     []byte
}

// tell keeps an event about a charge, and perhaps its dispute.
func (s *Side) tell(kind string, o *Operation, d *dispute) {
	if kind == "payment_intent.payment_failed" && s.name == "paypal" {
		return
	}
	e := Event{ID: s.fresh("evt"), Type: kind}
	var about any
	switch {
	case s.name == "stripe" && d != nil:
		about = stripeDispute(d)
	case s.name == "stripe" && kind == "charge.refunded":
		about = object{"id": "ch" + o.Ref, "object": "charge", "payment_intent": o.Ref, "metadata": object{}}
	case s.name == "stripe":
		about = stripeObject(o)
	case d != nil:
		about = paypalDispute(d)
	case kind == "PAYMENT.CAPTURE.COMPLETED":
		about = paypalCapture(o)
	default:
		about = s.paypalOrder(o)
	}
	if s.name == "stripe" {
		e.Body, _ = json.Marshal(object{
			"id": e.ID, "object": "event", "type": kind, "api_version": stripe.APIVersion, "created": time.Now().Unix(), "data": object{"object": about},
		})
	} else {
		e.Body, _ = json.Marshal(object{
			"id": e.ID, "event_type": kind, "event_version": "1.0", "create_time": time.Now().UTC().Format(time.RFC3339), "resource": about,
		})
	}
	s.events = append(s.events, e)
}

// Events returns all that the provider has to tell so far, oldest first.
func (s *Side) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.events...)
}

// Signing changes how an event is signed.
type Signing struct {
	At     time.Time // now
	Secret string    // Stripe's: StripeWebhookSecret
}

// Header signs an event as the provider does.
func (s *Side) Header(e Event, how Signing) http.Header {
	if how.At.IsZero() {
		how.At = time.Now()
	}
	if s.name == "stripe" {
		if how.Secret == "" {
			how.Secret = StripeWebhookSecret
		}
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: e.Body, Secret: how.Secret, Timestamp: how.At})
		return http.Header{"Stripe-Signature": {signed.Header}, "Content-Type": {"application/json"}}
	}
	at := how.At.UTC().Format(time.RFC3339)
	return http.Header{
		"Content-Type": {"application/json"}, "Paypal-Auth-Algo": {"SHA256withRSA"}, "Paypal-Cert-Url": {s.URL() + "/v1/notifications/certs/CERT"},
		"Paypal-Transmission-Id": {"transmission-" + e.ID}, "Paypal-Transmission-Time": {at},
		"Paypal-Transmission-Sig": {transmissionSig("transmission-"+e.ID, at, PayPalWebhookID, e.Body)},
	}
}

// transmissionSig stands for PayPal's signature: only this side can tell whether it is right.
func transmissionSig(id, at, webhookID string, body []byte) string {
	var compact bytes.Buffer
	_ = json.Compact(&compact, body)
	sum := sha256.Sum256([]byte(id + "|" + at + "|" + webhookID + "|" + compact.String()))
	return hex.EncodeToString(sum[:])
}

// Deliver sends an event, signed, and returns the status it was answered with.
func (s *Side) Deliver(ctx context.Context, url string, e Event, how Signing) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(e.Body))
	if err != nil {
		return 0, err
	}
	req.Header = s.Header(e, how)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Body.Close()
}

// Foreign is an event about something that is none of ours, correctly signed.
func (s *Side) Foreign(kind string, about any) Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := Event{ID: s.fresh("evt"), Type: kind}
	if s.name == "stripe" {
		e.Body, _ = json.Marshal(object{"id": e.ID, "object": "event", "type": kind, "created": time.Now().Unix(), "data": object{"object": about}})
	} else {
		e.Body, _ = json.Marshal(object{"id": e.ID, "event_type": kind, "resource": about})
	}
	s.events = append(s.events, e)
	return e
}
