package authports

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/money"
)

// LetterBox is the suite of ports.LetterBox.
func LetterBox(t *testing.T, open func(*testing.T) ports.LetterBox) {
	comes := func() ports.Occurrence { return ports.Occurrence{ID: uuid.NewString(), Type: "x"} }
	letter := func() ports.Promise {
		return ports.Promise{UserID: uuid.NewString(), Kind: ports.LetterMoneySent, Details: ports.Details{
			Amount: money.Money{Amount: 1050, Currency: "USD"}, OtherID: "o", Note: "'; DROP TABLE letter; -- \u202e", Reference: "r", At: time.Now().UTC().Truncate(time.Microsecond),
		}}
	}
	soon := func() time.Time { return time.Now().Add(time.Second) }
	t.Run("an event promises its letters once, however many come at once", func(t *testing.T) {
		t.Parallel()
		box, event, promise := open(t), comes(), letter()
		require.Equal(t, map[string]int{"": 8}, raceOf(8, func(int) error { return box.Promise(t.Context(), event, promise, promise) }))
		got, due, err := box.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
		require.Equal(t, promise, got.Promise)
		require.Equal(t, event.ID, got.EventID)
		require.Equal(t, 1, got.Attempts)
		_, due, err = box.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.False(t, due, "it is claimed")
		require.NoError(t, box.Promise(t.Context(), comes()), "an event may promise nothing")
	})
	t.Run("what fails leaves nothing, and the event may come again", func(t *testing.T) {
		t.Parallel()
		box, event, wrong := open(t), comes(), letter()
		wrong.UserID = "nobody's id"
		require.Error(t, box.Promise(t.Context(), event, letter(), wrong))
		_, due, err := box.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.False(t, due)
		require.NoError(t, box.Promise(t.Context(), event, letter()))
		_, due, err = box.Claim(t.Context(), soon(), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
	})
	t.Run("a claimed letter whose sender died is due again", func(t *testing.T) {
		t.Parallel()
		box := open(t)
		require.NoError(t, box.Promise(t.Context(), comes(), letter()))
		now := soon()
		first, _, err := box.Claim(t.Context(), now, time.Minute)
		require.NoError(t, err)
		again, due, err := box.Claim(t.Context(), now.Add(time.Minute), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, 2, again.Attempts)
	})
	t.Run("a letter waits as it is told, and ends", func(t *testing.T) {
		t.Parallel()
		box := open(t)
		require.NoError(t, box.Promise(t.Context(), comes(), letter()))
		now := soon()
		letter, _, err := box.Claim(t.Context(), now, time.Minute)
		require.NoError(t, err)
		require.NoError(t, box.Delay(t.Context(), letter, now.Add(time.Hour), errors.New("away")))
		_, due, err := box.Claim(t.Context(), now.Add(59*time.Minute), time.Minute)
		require.NoError(t, err)
		require.False(t, due)
		letter, due, err = box.Claim(t.Context(), now.Add(time.Hour), time.Minute)
		require.NoError(t, err)
		require.True(t, due)
		require.NoError(t, box.Done(t.Context(), letter, errors.New("given up")))
		require.NoError(t, box.Done(t.Context(), letter, nil))
		_, due, err = box.Claim(t.Context(), now.Add(100*time.Hour), time.Minute)
		require.NoError(t, err)
		require.False(t, due)
	})
}
