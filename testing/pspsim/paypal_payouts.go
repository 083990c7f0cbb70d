package pspsim

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// createPayout pays one item. A sender_batch_id is used once in 30 days; a repeat is told which
// batch it made (developer.paypal.com/docs/api/payments.payouts-batch/v1).
func (s *Side) createPayout(_ *http.Request, body object) (int, any) {
	id := text(body, "sender_batch_header", "sender_batch_id")
	for _, o := range s.book.operations {
		if o.Kind == "payout" && o.PaymentID == id {
			return http.StatusBadRequest, object{
				"name": "USER_BUSINESS_ERROR", "message": "User business error.", "debug_id": "x",
				"details": []any{object{
					"field": "SENDER_BATCH_ID", "location": "body", "issue": "Batch with given sender_batch_id already exists",
					"link": []any{object{"rel": "self", "method": http.MethodGet, "href": s.URL() + "/v1/payments/payouts/" + o.Ref}},
				}},
			}
		}
	}
	amount, currency, valid := minor(at(body, "items", "amount"))
	if receiver := text(body, "items", "receiver"); !valid || !strings.Contains(receiver, "@") {
		return paypalError(http.StatusBadRequest, "VALIDATION_ERROR", "RECEIVER_INVALID")
	}
	o := s.add(&Operation{Kind: "payout", PaymentID: id, Ref: s.fresh("BATCH"), Amount: amount, Currency: currency, State: Pending})
	answer := paypalBatch(o)
	o.State = Done
	return http.StatusCreated, answer
}

func paypalBatch(o *Operation) object {
	status := map[State]string{Pending: "PENDING", Done: "SUCCESS", Failed: "DENIED"}[o.State]
	batch := object{"batch_header": object{
		"payout_batch_id": o.Ref, "batch_status": status, "sender_batch_header": object{"sender_batch_id": o.PaymentID},
	}}
	item := map[State]string{Pending: "PENDING", Done: "SUCCESS", Failed: "FAILED"}[o.State]
	if o.State != Pending {
		amount := amountOf(o.Amount, o.Currency)
		batch["items"] = []any{object{
			"transaction_status": item,
			"payout_item":        object{"sender_item_id": o.PaymentID, "amount": object{"currency": amount["currency_code"], "value": amount["value"]}},
		}}
	}
	return batch
}

func (s *Side) readPayout(r *http.Request, _ object) (int, any) {
	o := s.byRef("payout", r.PathValue("id"))
	if o == nil {
		return paypalError(http.StatusNotFound, "INVALID_RESOURCE_ID", "INVALID_RESOURCE_ID")
	}
	return http.StatusOK, paypalBatch(o)
}

func paypalDispute(d *dispute) object {
	v := object{
		"dispute_id": d.ref, "status": "UNDER_REVIEW", "dispute_amount": amountOf(d.amount, d.charge.Currency),
		"disputed_transactions": []any{object{"seller_transaction_id": d.charge.capture, "custom": d.charge.PaymentID}},
	}
	if d.status != "open" {
		v["status"] = "RESOLVED"
		v["dispute_outcome"] = object{"outcome_code": map[string]string{"won": "RESOLVED_SELLER_FAVOUR", "lost": "RESOLVED_BUYER_FAVOUR"}[d.status]}
	}
	return v
}

func (s *Side) paypalDisputes(r *http.Request, _ object) (int, any) {
	items := []any{}
	for _, d := range s.book.disputes {
		if d.charge.capture == r.URL.Query().Get("disputed_transaction_id") {
			items = append(items, paypalDispute(d))
		}
	}
	return http.StatusOK, object{"items": items}
}

func (s *Side) paypalDispute(r *http.Request, _ object) (int, any) {
	for _, d := range s.book.disputes {
		if d.ref == r.PathValue("id") {
			return http.StatusOK, paypalDispute(d)
		}
	}
	return paypalError(http.StatusNotFound, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
}

// paypalTransactions lists what was done (developer.paypal.com/docs/api/transaction-search/v1).
// Event codes: T0006 a payment, T1107 a refund, T0001 a mass payment.
func (s *Side) paypalTransactions(r *http.Request, _ object) (int, any) {
	from, _ := time.Parse(time.RFC3339, r.URL.Query().Get("start_date"))
	to, _ := time.Parse(time.RFC3339, r.URL.Query().Get("end_date"))
	details := []any{}
	for _, o := range s.book.operations {
		if o.CreatedAt.Before(from) || o.CreatedAt.After(to) || o.Kind == "charge" && o.capture == "" {
			continue
		}
		ref, amount := o.Ref, amountOf(o.Amount, o.Currency)
		if o.Kind == "charge" {
			ref = o.capture
		} else {
			amount = amountOf(-o.Amount, o.Currency)
		}
		details = append(details, object{"transaction_info": object{
			"transaction_id": ref, "custom_field": o.PaymentID, "transaction_amount": amount,
			"transaction_event_code":      map[string]string{"charge": "T0006", "refund": "T1107", "payout": "T0001"}[o.Kind],
			"transaction_status":          map[State]string{Pending: "P", Done: "S", Failed: "D"}[o.State],
			"transaction_initiation_date": o.CreatedAt.Format(time.RFC3339),
		}})
	}
	return http.StatusOK, object{"transaction_details": details, "page": 1, "total_pages": 1, "total_items": len(details)}
}

// verifyWebhook says whether this side signed exactly that event for that webhook
// (developer.paypal.com/docs/api/webhooks/v1/#verify-webhook-signature_post).
func (s *Side) verifyWebhook(_ *http.Request, body object) (int, any) {
	raw, _ := json.Marshal(at(body, "webhook_event"))
	verdict := "FAILURE"
	for _, e := range s.events {
		if text(body, "transmission_id") == "transmission-"+e.ID && sameJSON(raw, e.Body) && text(body, "webhook_id") == PayPalWebhookID &&
			text(body, "transmission_sig") == transmissionSig("transmission-"+e.ID, text(body, "transmission_time"), PayPalWebhookID, e.Body) {
			verdict = "SUCCESS"
		}
	}
	return http.StatusOK, object{"verification_status": verdict}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	first, _ := json.Marshal(x)
	second, _ := json.Marshal(y)
	return string(first) == string(second)
}
