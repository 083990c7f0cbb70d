package pspsim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type object = map[string]any

func stripeRoutes(s *Side) {
	handle := func(pattern string, do func(r *http.Request) (int, any)) {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status, body := http.StatusUnauthorized, any(stripeError("invalid_request_error", "", "no such key"))
			if r.Header.Get("Authorization") == "Bearer "+StripeKey {
				status, body = do(r)
			}
			writeJSON(w, status, body)
		})
	}
	handle("POST /v1/payment_intents", s.createIntent)
	handle("GET /v1/payment_intents/{id}", s.stripeOne("charge"))
	handle("POST /v1/payment_intents/{id}/cancel", s.cancelIntent)
	handle("GET /v1/payment_intents", s.stripeList("charge", nil))
	handle("POST /v1/refunds", s.createRefund)
	handle("GET /v1/refunds/{id}", s.stripeOne("refund"))
	handle("GET /v1/refunds", s.stripeList("refund", func(o *Operation, r *http.Request) bool {
		intent := r.URL.Query().Get("payment_intent")
		return intent == "" || o.parent != nil && o.parent.Ref == intent
	}))
	handle("POST /v1/transfers", s.createTransfer)
	handle("GET /v1/transfers/{id}", s.stripeOne("payout"))
	handle("GET /v1/transfers", s.stripeList("payout", func(o *Operation, r *http.Request) bool {
		group := r.URL.Query().Get("transfer_group")
		return group == "" || o.PaymentID == group
	}))
	handle("GET /v1/disputes", s.listDisputes)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func stripeError(kind, code, message string) object {
	return object{"error": object{"type": kind, "code": code, "message": message}}
}

func invalid(code, message string) (int, any) {
	return http.StatusBadRequest, stripeError("invalid_request_error", code, message)
}

// form reads amount and currency.
func form(r *http.Request) (int64, string, bool) {
	amount, err := strconv.ParseInt(r.FormValue("amount"), 10, 64)
	return amount, strings.ToUpper(r.FormValue("currency")), err == nil && amount > 0
}

func (s *Side) createIntent(r *http.Request) (int, any) {
	amount, currency, valid := form(r)
	if !valid {
		return invalid("parameter_invalid_integer", "amount")
	}
	o := s.add(&Operation{
		Kind: "charge", PaymentID: r.FormValue("metadata[payment_id]"), Ref: s.fresh("pi"), Amount: amount, Currency: currency, State: Waiting,
	})
	answer := stripeObject(o)
	if s.auto {
		s.pay(o)
	}
	return http.StatusOK, answer
}

func (s *Side) cancelIntent(r *http.Request) (int, any) {
	o := s.byRef("charge", r.PathValue("id"))
	switch {
	case o == nil:
		return http.StatusNotFound, stripeError("invalid_request_error", "resource_missing", "no such intent")
	case o.State != Waiting:
		return invalid("payment_intent_unexpected_state", "it cannot be canceled")
	}
	o.State = Canceled
	return http.StatusOK, stripeObject(o)
}

func (s *Side) createRefund(r *http.Request) (int, any) {
	charge := s.byRef("charge", r.FormValue("payment_intent"))
	amount, _, valid := form(r)
	switch {
	case charge == nil:
		return http.StatusNotFound, stripeError("invalid_request_error", "resource_missing", "no such intent")
	case charge.State != Done || !valid:
		return invalid("charge_not_refundable", "nothing was paid")
	case charge.refunded == charge.Amount:
		return invalid("charge_already_refunded", "it was refunded")
	case charge.refunded+amount > charge.Amount:
		return invalid("amount_too_large", "more than is left")
	}
	charge.refunded += amount
	o := s.add(&Operation{
		Kind: "refund", PaymentID: r.FormValue("metadata[payment_id]"), Ref: s.fresh("re"), Amount: amount, Currency: charge.Currency,
		State: Done, parent: charge,
	})
	s.tell("charge.refunded", charge, nil)
	return http.StatusOK, stripeObject(o)
}

func (s *Side) createTransfer(r *http.Request) (int, any) {
	amount, currency, valid := form(r)
	switch destination := r.FormValue("destination"); {
	case !valid:
		return invalid("parameter_invalid_integer", "amount")
	case !strings.HasPrefix(destination, "acct_") || destination == "acct_missing":
		return invalid("resource_missing", "no such destination")
	}
	return http.StatusOK, stripeObject(s.add(&Operation{
		Kind: "payout", PaymentID: r.FormValue("metadata[payment_id]"), Ref: s.fresh("tr"), Amount: amount, Currency: currency, State: Done,
		to: r.FormValue("destination"),
	}))
}

func (s *Side) stripeOne(kind string) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		o := s.byRef(kind, r.PathValue("id"))
		if o == nil {
			return http.StatusNotFound, stripeError("invalid_request_error", "resource_missing", "no such object")
		}
		return http.StatusOK, stripeObject(o)
	}
}

// stripeList answers newest first, in pages (docs.stripe.com/api/pagination).
func (s *Side) stripeList(kind string, match func(*Operation, *http.Request) bool) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		q := r.URL.Query()
		limit, err := strconv.Atoi(q.Get("limit"))
		if err != nil {
			limit = 10
		}
		since, _ := strconv.ParseInt(q.Get("created[gte]"), 10, 64)
		before, err := strconv.ParseInt(q.Get("created[lt]"), 10, 64)
		if err != nil {
			before = time.Now().Add(time.Hour).Unix()
		}
		page, more, skipping := []any{}, false, q.Get("starting_after") != ""
		for i := len(s.book.operations) - 1; i >= 0; i-- {
			o := s.book.operations[i]
			if o.Kind != kind || match != nil && !match(o, r) || o.CreatedAt.Unix() < since || o.CreatedAt.Unix() >= before {
				continue
			}
			if skipping {
				skipping = o.Ref != q.Get("starting_after")
				continue
			}
			if len(page) == limit {
				more = true
				break
			}
			page = append(page, stripeObject(o))
		}
		return http.StatusOK, object{"object": "list", "data": page, "has_more": more, "url": r.URL.Path}
	}
}

func (s *Side) listDisputes(r *http.Request) (int, any) {
	page := []any{}
	for _, d := range s.book.disputes {
		if d.charge.Ref == r.URL.Query().Get("payment_intent") {
			page = append(page, stripeDispute(d))
		}
	}
	return http.StatusOK, object{"object": "list", "data": page, "has_more": false, "url": r.URL.Path}
}

func stripeDispute(d *dispute) object {
	return object{
		"id": d.ref, "object": "dispute", "amount": d.amount, "currency": strings.ToLower(d.charge.Currency),
		"payment_intent": d.charge.Ref, "status": map[string]string{"open": "needs_response", "won": "won", "lost": "lost"}[d.status],
	}
}

var intentStatus = map[State]string{Waiting: "requires_payment_method", Pending: "processing", Done: "succeeded", Canceled: "canceled"}

// stripeObject is an operation in Stripe's form, as far as stripe-go reads it.
func stripeObject(o *Operation) object {
	v := object{
		"id": o.Ref, "amount": o.Amount, "currency": strings.ToLower(o.Currency), "created": o.CreatedAt.Unix(),
		"metadata": object{"payment_id": o.PaymentID}, "livemode": false,
	}
	switch o.Kind {
	case "charge":
		v["object"], v["status"] = "payment_intent", intentStatus[o.State]
		v["client_secret"] = o.Ref + "_secret_for_tests"
		v["amount_received"] = int64(0)
		if o.State == Done {
			v["amount_received"] = o.Amount
			v["latest_charge"] = object{
				"id": "ch" + o.Ref, "object": "charge", "disputed": len(o.disputes) > 0, "amount_refunded": o.refunded,
			}
		}
		if o.failure != "" {
			v["last_payment_error"] = object{"type": "card_error", "code": o.failure}
		}
	case "refund":
		v["object"], v["payment_intent"] = "refund", o.parent.Ref
		v["status"] = map[State]string{Pending: "pending", Done: "succeeded", Failed: "failed"}[o.State]
	case "payout":
		v["object"], v["transfer_group"], v["amount_reversed"], v["reversed"] = "transfer", o.PaymentID, 0, false
		v["destination"] = o.to
	}
	return v
}
