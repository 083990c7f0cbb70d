package authports

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/money"
)

// Promises is an inbox, and the box that its letters come to be in.
type Promises struct {
	ports.Inbox
	ports.LetterBox
}

func (p Promises) once(t *testing.T, event string, effect func(context.Context, ports.Effects) error) error {
	t.Helper()
	return p.Once(t.Context(), event, "x", effect)
}

// InboxAndLetterBox is the suite of ports.Inbox and ports.LetterBox.
func InboxAndLetterBox(t *testing.T, open func(*testing.T) Promises) {
	promise := func(event string) ports.Promise {
		return ports.Promise{EventID: event, UserID: uuid.NewString(), Kind: ports.LetterMoneySent, Details: ports.Details{
			Amount: money.Money{Amount: 1050, Currency: "USD"}, OtherID: "o", Note: "'; DROP TABLE letter; -- \u202e", Reference: "r", At: time.Now().UTC().Truncate(time.Microsecond),
		}}
	}
	keep := func(ps ...ports.Promise) func(context.Context, ports.Effects) error {
		return func(ctx context.Context, do ports.Effects) error {
			for _, p := range ps {
				if err := do.Promise(ctx, p); err != nil {
					return err
				}
			}
			return nil
		}
	}
	soon := func() time.Time { return time.Now().Add(time.Second) }
	t.Run("an event promises its letters once, however many come at once", func(t *testing.T) {
		t.Parallel()
		p, event := open(t), uuid.NewString()
		letter := promise(event)
		require.Equal(t, map[string]int{"": 8}, raceOf(8, func(int) error { return p.once(t, event, keep(letter, letter)) }))
		got, due, err := p.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
		require.Equal(t, letter, got.Promise)
		require.Equal(t, 1, got.Attempts)
		_, due, err = p.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.False(t, due, "it is claimed")
	})
	t.Run("an effect that fails leaves nothing, and the event may come again", func(t *testing.T) {
		t.Parallel()
		p, event, boom := open(t), uuid.NewString(), errors.New("boom")
		require.ErrorIs(t, p.once(t, event, func(ctx context.Context, do ports.Effects) error {
			require.NoError(t, do.Promise(ctx, promise(event)))
			return boom
		}), boom)
		_, due, err := p.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.False(t, due)
		require.NoError(t, p.once(t, event, keep(promise(event))))
		_, due, err = p.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
	})
	t.Run("a claimed letter whose sender died is due again", func(t *testing.T) {
		t.Parallel()
		p, event := open(t), uuid.NewString()
		require.NoError(t, p.once(t, event, keep(promise(event))))
		now := soon()
		first, _, err := p.Claim(t.Context(), now, time.Minute)
		require.NoError(t, err)
		again, due, err := p.Claim(t.Context(), now.Add(time.Minute), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, 2, again.Attempts)
	})
	t.Run("a letter waits as it is told, and ends", func(t *testing.T) {
		t.Parallel()
		p, event := open(t), uuid.NewString()
		require.NoError(t, p.once(t, event, keep(promise(event))))
		now := soon()
		letter, _, err := p.Claim(t.Context(), now, time.Minute)
		require.NoError(t, err)
		require.NoError(t, p.Delay(t.Context(), letter, now.Add(time.Hour), errors.New("away")))
		_, due, err := p.Claim(t.Context(), now.Add(59*time.Minute), time.Minute)
		require.NoError(t, err)
		require.False(t, due)
		letter, due, err = p.Claim(t.Context(), now.Add(time.Hour), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
		require.NoError(t, p.Done(t.Context(), letter, errors.New("given up")))
		require.NoError(t, p.Done(t.Context(), letter, nil))
		_, due, err = p.Claim(t.Context(), now.Add(100*time.Hour), time.Minute)
		require.NoError(t, err)
		require.False(t, due)
	})
}
