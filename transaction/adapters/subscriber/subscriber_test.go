package subscriber_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/transaction/adapters/subscriber"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

const alice = "019c5a00-0000-7000-8000-00000000000a"

// heard notes what it is told.
type heard struct {
	calls []any
	err   error
}

func (h *heard) UserRegistered(_ context.Context, e app.Occurrence, o domain.OwnerID) error {
	h.calls = append(h.calls, "registered", e, o)
	return h.err
}

func (h *heard) UserSignedOut(_ context.Context, e app.Occurrence, r ports.Revocation) error {
	h.calls = append(h.calls, "signed out", e, r)
	return h.err
}

func (h *heard) UserDeleted(_ context.Context, e app.Occurrence, o domain.OwnerID) error {
	h.calls = append(h.calls, "deleted", e, o)
	return h.err
}

func TestHandle_TellsTheUseCases(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		kind, data, call string
		with             any
	}{
		{events.UserRegistered, `{"user_id":"` + alice + `","locale":"es"}`, "registered", domain.OwnerID(alice)},
		{events.UserDeleted, `{"user_id":"` + alice + `"}`, "deleted", domain.OwnerID(alice)},
		{
			events.UserSignedOut, `{"kind":"session","id":"s1","revoked_at":"2026-05-01T12:00:00Z","expires_at":"2026-05-01T13:00:00Z"}`, "signed out",
			ports.Revocation{Kind: "session", ID: "s1", RevokedAt: at, ExpiresAt: at.Add(time.Hour)},
		},
	} {
		h := &heard{}
		e := events.Event{ID: "e1", Type: c.kind, Data: json.RawMessage(c.data)}
		require.NoError(t, subscriber.Handle(h)(t.Context(), e))
		require.Equal(t, []any{c.call, app.Occurrence{ID: "e1", Type: c.kind}, c.with}, h.calls)
		h.err = errors.New("boom")
		require.ErrorIs(t, subscriber.Handle(h)(t.Context(), e), h.err)
	}
}

func TestHandle_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]events.Event{
		"another's type": {Type: events.TransferPosted, Data: json.RawMessage(`{}`)}, "a new version": {Type: "micropay.user.registered.v2", Data: json.RawMessage(`{}`)},
		"no person": {Type: events.UserRegistered, Data: json.RawMessage(`{}`)}, "no UUID": {Type: events.UserDeleted, Data: json.RawMessage(`{"user_id":"x"}`)},
		"garbage":       {Type: events.UserRegistered, Data: json.RawMessage(`{"user_id":1}`)},
		"no revocation": {Type: events.UserSignedOut, Data: json.RawMessage(`{}`)}, "a kind that is not known": {Type: events.UserSignedOut, Data: json.RawMessage(
			`{"kind":"x","id":"s1","revoked_at":"2026-05-01T12:00:00Z","expires_at":"2026-05-01T13:00:00Z"}`)},
		"bad time": {Type: events.UserSignedOut, Data: json.RawMessage(`{"kind":"session","id":"s1","revoked_at":"x"}`)},
	} {
		h := &heard{}
		require.ErrorIs(t, subscriber.Handle(h)(t.Context(), e), events.ErrMalformed, name)
		require.Empty(t, h.calls)
	}
}
