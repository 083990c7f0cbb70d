package pspsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/micropay/micropay/shared/money"
)

const (
	tokenPath  = "/v1/oauth2/token"
	verifyPath = "/v1/notifications/verify-webhook-signature"
)

func paypalRoutes(s *Side) {
	s.mux.HandleFunc("POST "+tokenPath, func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != PayPalClientID || secret != PayPalSecret {
			writeJSON(w, http.StatusUnauthorized, object{"error": "invalid_client"})
			return
		}
		writeJSON(w, http.StatusOK, object{"access_token": PayPalToken, "token_type": "Bearer", "expires_in": 32400})
	})
	handle := func(pattern string, do func(r *http.Request, body object) (int, any)) {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status, answer := http.StatusUnauthorized, any(object{"name": "AUTHENTICATION_FAILURE"})
			if r.Header.Get("Authorization") == "Bearer "+PayPalToken {
				var body object
				raw, _ := io.ReadAll(r.Body)
				_ = json.Unmarshal(raw, &body)
				status, answer = do(r, body)
			}
			writeJSON(w, status, answer)
		})
	}
	handle("POST /v2/checkout/orders", s.createOrder)
	handle("GET /v2/checkout/orders/{id}", s.readOrder)
	handle("POST /v2/checkout/orders/{id}/capture", s.captureOrder)
	handle("POST /v2/payments/captures/{id}/refund", s.refundCapture)
	handle("GET /v2/payments/refunds/{id}", s.readPayPalRefund)
	handle("POST /v1/payments/payouts", s.createPayout)
	handle("GET /v1/payments/payouts/{id}", s.readPayout)
	handle("GET /v1/customer/disputes", s.paypalDisputes)
	handle("GET /v1/customer/disputes/{id}", s.paypalDispute)
	handle("GET /v1/reporting/transactions", s.paypalTransactions)
	handle("POST "+verifyPath, s.verifyWebhook)
}

// paypalError is an error in PayPal's form.
func paypalError(status int, name, issue string) (int, any) {
	return status, object{"name": name, "message": name, "debug_id": "x", "details": []any{object{"issue": issue}}}
}

// at walks into nested objects and the first members of lists.
func at(v any, names ...string) any {
	for _, name := range names {
		if list, is := v.([]any); is && len(list) > 0 {
			v = list[0]
		}
		o, is := v.(object)
		if !is {
			return nil
		}
		v = o[name]
	}
	return v
}

func text(v any, names ...string) string { return fmt.Sprint(at(v, names...)) }

// minor reads an amount in PayPal's form.
func minor(amount any) (int64, string, bool) {
	currency, value := text(amount, "currency_code"), text(amount, "value")
	if currency == "<nil>" {
		currency = text(amount, "currency")
	}
	whole, fraction, _ := strings.Cut(value, ".")
	if len(fraction) != money.Currency(currency).Exponent() {
		return 0, "", false
	}
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	return n, currency, err == nil && n > 0
}

func amountOf(minor int64, currency string) object {
	return object{"currency_code": currency, "value": money.Money{Amount: minor, Currency: money.Currency(currency)}.Decimal()}
}

func (s *Side) createOrder(_ *http.Request, body object) (int, any) {
	amount, currency, valid := minor(at(body, "purchase_units", "amount"))
	if !valid || text(body, "intent") != "CAPTURE" {
		return paypalError(http.StatusUnprocessableEntity, "UNPROCESSABLE_ENTITY", "DECIMAL_PRECISION")
	}
	o := s.add(&Operation{
		Kind: "charge", PaymentID: text(body, "purchase_units", "custom_id"), Ref: s.fresh("ORDER"), Amount: amount, Currency: currency, State: Waiting,
	})
	answer := s.paypalOrder(o)
	if s.auto {
		s.pay(o)
	}
	return http.StatusCreated, answer
}

func (s *Side) readOrder(r *http.Request, _ object) (int, any) {
	o := s.byRef("charge", r.PathValue("id"))
	if o == nil {
		return paypalError(http.StatusNotFound, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
	}
	return http.StatusOK, s.paypalOrder(o)
}

func (s *Side) captureOrder(r *http.Request, _ object) (int, any) {
	o := s.byRef("charge", r.PathValue("id"))
	switch {
	case o == nil:
		return paypalError(http.StatusNotFound, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
	case o.State == Waiting:
		return paypalError(http.StatusUnprocessableEntity, "UNPROCESSABLE_ENTITY", "ORDER_NOT_APPROVED")
	case o.capture != "":
		return paypalError(http.StatusUnprocessableEntity, "UNPROCESSABLE_ENTITY", "ORDER_ALREADY_CAPTURED")
	}
	o.State, o.capture = Done, s.fresh("CAPTURE")
	s.tell("PAYMENT.CAPTURE.COMPLETED", o, nil)
	return http.StatusCreated, s.paypalOrder(o)
}

var orderStatus = map[State]string{Waiting: "PAYER_ACTION_REQUIRED", Approved: "APPROVED", Pending: "COMPLETED", Done: "COMPLETED", Canceled: "VOIDED"}

func (s *Side) paypalOrder(o *Operation) object {
	unit := object{"custom_id": o.PaymentID, "reference_id": "default", "amount": amountOf(o.Amount, o.Currency)}
	if o.capture != "" {
		payments := object{"captures": []any{paypalCapture(o)}}
		refunds := []any{}
		for _, r := range s.book.operations {
			if r.Kind == "refund" && r.parent == o {
				refunds = append(refunds, paypalRefund(r))
			}
		}
		if len(refunds) > 0 {
			payments["refunds"] = refunds
		}
		unit["payments"] = payments
	}
	return object{
		"id": o.Ref, "intent": "CAPTURE", "status": orderStatus[o.State], "create_time": o.CreatedAt.Format(time.RFC3339),
		"purchase_units": []any{unit},
		"links":          []any{object{"rel": "self", "href": s.URL() + "/v2/checkout/orders/" + o.Ref}, object{"rel": "payer-action", "href": s.URL() + "/checkoutnow?token=" + o.Ref}},
	}
}

func paypalCapture(o *Operation) object {
	status := map[State]string{Pending: "PENDING", Done: "COMPLETED", Failed: "DECLINED"}[o.State]
	switch {
	case o.refunded == o.Amount:
		status = "REFUNDED"
	case o.refunded > 0:
		status = "PARTIALLY_REFUNDED"
	}
	return object{
		"id": o.capture, "status": status, "custom_id": o.PaymentID, "amount": amountOf(o.Amount, o.Currency),
		"supplementary_data": object{"related_ids": object{"order_id": o.Ref}},
	}
}

func (s *Side) refundCapture(r *http.Request, body object) (int, any) {
	charge := s.byRef("charge", r.PathValue("id"))
	if charge == nil {
		return paypalError(http.StatusNotFound, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
	}
	amount, currency, valid := minor(at(body, "amount"))
	switch {
	case !valid || currency != charge.Currency:
		return paypalError(http.StatusUnprocessableEntity, "UNPROCESSABLE_ENTITY", "CURRENCY_MISMATCH")
	case charge.refunded == charge.Amount:
		return paypalError(http.StatusUnprocessableEntity, "UNPROCESSABLE_ENTITY", "CAPTURE_FULLY_REFUNDED")
	case charge.refunded+amount > charge.Amount:
		return paypalError(http.StatusUnprocessableEntity, "UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED")
	}
	charge.refunded += amount
	return http.StatusCreated, paypalRefund(s.add(&Operation{
		Kind: "refund", PaymentID: text(body, "custom_id"), Ref: s.fresh("REFUND"), Amount: amount, Currency: currency, State: Done, parent: charge,
	}))
}

func paypalRefund(o *Operation) object {
	return object{
		"id": o.Ref, "status": map[State]string{Pending: "PENDING", Done: "COMPLETED", Failed: "FAILED"}[o.State],
		"custom_id": o.PaymentID, "amount": amountOf(o.Amount, o.Currency),
	}
}

func (s *Side) readPayPalRefund(r *http.Request, _ object) (int, any) {
	o := s.byRef("refund", r.PathValue("id"))
	if o == nil {
		return paypalError(http.StatusNotFound, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
	}
	return http.StatusOK, paypalRefund(o)
}
