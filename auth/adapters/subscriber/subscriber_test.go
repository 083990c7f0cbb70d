package subscriber_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/subscriber"
	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/shared/money"
)

const (
	ann = "019c5a00-0000-7000-8000-00000000000a"
	bob = "019c5a00-0000-7000-8000-00000000000b"
	ref = "019c5a00-0000-7000-8000-00000000000c"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// heard notes what it is told.
type heard struct {
	calls []any
	err   error
}

func (h *heard) UserVerified(_ context.Context, e ports.Occurrence, id string) error {
	h.calls = append(h.calls, e, id)
	return h.err
}

func (h *heard) TransferPosted(_ context.Context, e ports.Occurrence, t app.Transfer) error {
	h.calls = append(h.calls, e, t)
	return h.err
}

func (h *heard) PaymentSettled(_ context.Context, e ports.Occurrence, p app.Payment) error {
	h.calls = append(h.calls, e, p)
	return h.err
}

const (
	transfer = `{"transfer_id":"` + ref + `","kind":"transfer","amount":1050,"currency":"USD","description":"lunch","from_user_id":"` + ann + `","to_user_id":"` + bob + `",
		"from_balance":5,"to_balance":6}`
	payment = `{"payment_id":"` + ref + `","kind":"topup","status":"succeeded","amount":1050,"currency":"USD","user_id":"` + ann + `","provider":"stripe"}`
)

func TestHandle_TellsTheUseCases(t *testing.T) {
	t.Parallel()
	usd := money.Money{Amount: 1050, Currency: "USD"}
	for _, c := range []struct {
		kind, data string
		with       any
	}{
		{events.UserVerified, `{"user_id":"` + ann + `"}`, ann},
		{events.TransferPosted, transfer, app.Transfer{ID: ref, Kind: "transfer", Amount: usd, From: ann, To: bob, Note: "lunch", At: noon}},
		{
			events.TransferPosted, strings.Replace(transfer, `"`+ann+`"`, "null", 1),
			app.Transfer{ID: ref, Kind: "transfer", Amount: usd, To: bob, Note: "lunch", At: noon},
		},
		{events.PaymentSettled, payment, app.Payment{ID: ref, Kind: "topup", Succeeded: true, Amount: usd, UserID: ann, Provider: "stripe", At: noon}},
		{
			events.PaymentSettled, strings.Replace(payment, "succeeded", "failed", 1),
			app.Payment{ID: ref, Kind: "topup", Amount: usd, UserID: ann, Provider: "stripe", At: noon},
		},
	} {
		h := &heard{}
		e := events.Event{ID: "e1", Type: c.kind, Time: noon, Data: json.RawMessage(c.data)}
		require.NoError(t, subscriber.Handle(h)(t.Context(), e))
		require.Equal(t, []any{ports.Occurrence{ID: "e1", Type: c.kind}, c.with}, h.calls)
		h.err = errors.New("boom")
		require.ErrorIs(t, subscriber.Handle(h)(t.Context(), e), h.err)
	}
}

func TestHandle_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]events.Event{
		"another's type":   {Type: events.UserRegistered, Data: json.RawMessage(`{}`)},
		"no person":        {Type: events.UserVerified, Data: json.RawMessage(`{}`)},
		"no transfer":      {Type: events.TransferPosted, Data: json.RawMessage(`{}`)},
		"a person's id":    {Type: events.TransferPosted, Data: json.RawMessage(strings.Replace(transfer, ann, "x", 1))},
		"no currency":      {Type: events.TransferPosted, Data: json.RawMessage(strings.Replace(transfer, "USD", "XXQ", 1))},
		"nothing":          {Type: events.TransferPosted, Data: json.RawMessage(strings.Replace(transfer, "1050", "0", 1))},
		"a fraction":       {Type: events.PaymentSettled, Data: json.RawMessage(strings.Replace(payment, "1050", "10.50", 1))},
		"nobody's payment": {Type: events.PaymentSettled, Data: json.RawMessage(strings.Replace(payment, ann, "", 1))},
	} {
		h := &heard{}
		require.ErrorIs(t, subscriber.Handle(h)(t.Context(), e), events.ErrMalformed, name)
		require.Empty(t, h.calls, name)
	}
}
