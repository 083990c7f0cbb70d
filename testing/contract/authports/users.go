// Package authports holds what every implementation of auth's ports must do. An adapter's tests
// call the suite of its port with a way to open a fresh one.
package authports

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Users is the suite of ports.Users.
func Users(t *testing.T, open func(*testing.T) ports.Users) {
	t.Run("a stored user is found by id and by address", func(t *testing.T) {
		t.Parallel()
		users, ann := open(t), someone(t, "ann@example.com")
		stored, err := users.Ensure(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, ann, stored)
		byID, err := users.ByID(t.Context(), ann.ID)
		require.NoError(t, err)
		require.Equal(t, ann, byID)
		byEmail, err := users.ByEmail(t.Context(), ann.Email)
		require.NoError(t, err)
		require.Equal(t, ann, byEmail)
	})
	t.Run("storing again changes nothing", func(t *testing.T) {
		t.Parallel()
		users, ann := open(t), someone(t, "ann@example.com")
		_, err := users.Ensure(t.Context(), ann)
		require.NoError(t, err)
		other := ann
		other.Name = name(t, "Eve")
		stored, err := users.Ensure(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, ann, stored)
	})
	t.Run("one address belongs to one user, however many come at once", func(t *testing.T) {
		t.Parallel()
		users := open(t)
		outcomes := raceOf(20, func(int) error {
			_, err := users.Ensure(t.Context(), someone(t, "ann@example.com"))
			return err
		})
		require.Equal(t, map[string]int{"": 1, domain.ErrEmailTaken.Error(): 19}, outcomes)
	})
	t.Run("nobody is ErrUserUnknown", func(t *testing.T) {
		t.Parallel()
		users := open(t)
		for _, id := range []string{uuid.NewString(), "no id", ""} {
			_, err := users.ByID(t.Context(), id)
			require.ErrorIs(t, err, domain.ErrUserUnknown)
			_, err = users.Change(t.Context(), id, ports.ProfileChange{})
			require.ErrorIs(t, err, domain.ErrUserUnknown)
			require.NoError(t, users.MarkVerified(t.Context(), id))
			require.NoError(t, users.Delete(t.Context(), id))
		}
		_, err := users.ByEmail(t.Context(), email(t, "nobody@example.com"))
		require.ErrorIs(t, err, domain.ErrUserUnknown)
	})
	t.Run("a profile changes and an address is proven", func(t *testing.T) {
		t.Parallel()
		users, ann := open(t), someone(t, "ann@example.com")
		_, err := users.Ensure(t.Context(), ann)
		require.NoError(t, err)
		hostile, spanish := name(t, "O'Hara; DROP TABLE users--"), domain.Spanish
		changed, err := users.Change(t.Context(), ann.ID, ports.ProfileChange{Name: &hostile})
		require.NoError(t, err)
		require.Equal(t, hostile, changed.Name)
		require.Equal(t, domain.English, changed.Locale)
		changed, err = users.Change(t.Context(), ann.ID, ports.ProfileChange{Locale: &spanish})
		require.NoError(t, err)
		require.Equal(t, hostile, changed.Name)
		require.Equal(t, domain.Spanish, changed.Locale)
		require.NoError(t, users.MarkVerified(t.Context(), ann.ID))
		require.NoError(t, users.MarkVerified(t.Context(), ann.ID))
		got, err := users.ByID(t.Context(), ann.ID)
		require.NoError(t, err)
		require.True(t, got.EmailVerified)
	})
	t.Run("mail to an address stops, until it is proven again", func(t *testing.T) {
		t.Parallel()
		users, ann, bob := open(t), someone(t, "ann@example.com"), someone(t, "bob@example.com")
		for _, u := range []domain.User{ann, bob} {
			_, err := users.Ensure(t.Context(), u)
			require.NoError(t, err)
		}
		stopped := func(id string) bool {
			u, err := users.ByID(t.Context(), id)
			require.NoError(t, err)
			return u.MailStopped
		}
		require.NoError(t, users.MarkVerified(t.Context(), ann.ID))
		for range 2 {
			require.NoError(t, users.StopMail(t.Context(), ann.Email))
		}
		require.NoError(t, users.StopMail(t.Context(), email(t, "nobody@example.com")), "nobody is no error")
		require.True(t, stopped(ann.ID))
		require.False(t, stopped(bob.ID))
		require.NoError(t, users.MarkVerified(t.Context(), ann.ID))
		require.False(t, stopped(ann.ID))
	})
	t.Run("a deleted user is gone, the id for good, the address free", func(t *testing.T) {
		t.Parallel()
		users, ann := open(t), someone(t, "ann@example.com")
		_, err := users.Ensure(t.Context(), ann)
		require.NoError(t, err)
		require.NoError(t, users.Delete(t.Context(), ann.ID))
		require.NoError(t, users.Delete(t.Context(), ann.ID), "twice is no error")
		_, err = users.ByID(t.Context(), ann.ID)
		require.ErrorIs(t, err, domain.ErrUserUnknown)
		_, err = users.ByEmail(t.Context(), ann.Email)
		require.ErrorIs(t, err, domain.ErrUserUnknown)
		_, err = users.Ensure(t.Context(), ann)
		require.ErrorIs(t, err, domain.ErrUserUnknown)
		next := someone(t, "ann@example.com")
		_, err = users.Ensure(t.Context(), next)
		require.NoError(t, err)
	})
}

func someone(t *testing.T, address string) domain.User {
	t.Helper()
	return domain.User{
		ID: uuid.Must(uuid.NewV7()).String(), Email: email(t, address), Name: name(t, "Ann Lee"), Locale: domain.English,
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
}

func email(t *testing.T, raw string) domain.Email {
	t.Helper()
	e, err := domain.ParseEmail(raw)
	require.NoError(t, err)
	return e
}

func name(t *testing.T, raw string) domain.Name {
	t.Helper()
	n, err := domain.ParseName(raw)
	require.NoError(t, err)
	return n
}

// raceOf calls fn n times at once and counts the outcomes by their text ("" is success).
func raceOf(n int, fn func(i int) error) map[string]int {
	var (
		racers   sync.WaitGroup
		mu       sync.Mutex
		outcomes = map[string]int{}
		start    = make(chan struct{})
	)
	for i := range n {
		racers.Go(func() {
			<-start
			text := ""
			if err := fn(i); err != nil {
				text = fmt.Sprint(err)
				if at := strings.LastIndex(text, ": "); at >= 0 {
					text = text[at+2:]
				}
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[text]++
		})
	}
	close(start)
	racers.Wait()
	return outcomes
}
