package authports

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/ports"
)

// Revocations is the suite of ports.Revocations.
func Revocations(t *testing.T, open func(*testing.T) ports.Revocations) {
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	line := func(kind ports.RevocationKind, id string, at time.Time) ports.Revocation {
		return ports.Revocation{Kind: kind, ID: id, At: at, ExpiresAt: at.Add(time.Hour)}
	}
	t.Run("a revoked session refuses its tokens and no others", func(t *testing.T) {
		t.Parallel()
		feed := open(t)
		require.NoError(t, feed.Record(t.Context(), line(ports.RevokedSession, "s1", at)))
		requireRevoked(t, feed, true, "u1", "s1", at.Add(time.Minute))
		requireRevoked(t, feed, false, "u1", "s2", at)
		requireRevoked(t, feed, false, "s1", "u1", at)
	})
	t.Run("a revoked user refuses all tokens issued until then", func(t *testing.T) {
		t.Parallel()
		feed := open(t)
		require.NoError(t, feed.Record(t.Context(), line(ports.RevokedUser, "u1", at)))
		requireRevoked(t, feed, true, "u1", "s1", at)
		requireRevoked(t, feed, true, "u1", "", at.Add(-time.Hour))
		requireRevoked(t, feed, false, "u1", "s1", at.Add(time.Second))
		requireRevoked(t, feed, false, "u2", "s1", at)
	})
	t.Run("the feed is read from a cursor on, oldest first", func(t *testing.T) {
		t.Parallel()
		feed := open(t)
		for i := range 5 {
			require.NoError(t, feed.Record(t.Context(), line(ports.RevokedSession, fmt.Sprint(i), at)))
		}
		first, err := feed.After(t.Context(), 0, 3)
		require.NoError(t, err)
		require.Equal(t, []string{"0", "1", "2"}, ids(first))
		rest, err := feed.After(t.Context(), first[2].Cursor, 3)
		require.NoError(t, err)
		require.Equal(t, []string{"3", "4"}, ids(rest))
		require.Equal(t, at, rest[0].At)
		require.Equal(t, at.Add(time.Hour), rest[0].ExpiresAt)
		none, err := feed.After(t.Context(), rest[1].Cursor, 3)
		require.NoError(t, err)
		require.Empty(t, none)
	})
	t.Run("recording twice leaves one line", func(t *testing.T) {
		t.Parallel()
		feed := open(t)
		for _, kind := range []ports.RevocationKind{ports.RevokedSession, ports.RevokedUser} {
			for range 2 {
				require.NoError(t, feed.Record(t.Context(), line(kind, "x", at)))
			}
		}
		require.NoError(t, feed.Record(t.Context(), line(ports.RevokedUser, "x", at.Add(time.Minute))), "a later one of a person is another")
		require.NoError(t, feed.Record(t.Context(), line(ports.RevokedSession, "x", at.Add(time.Minute))), "a session ends once")
		lines, err := feed.After(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, lines, 3)
	})
	t.Run("who follows the cursor misses nothing, however many write at once", func(t *testing.T) {
		t.Parallel()
		feed, done := open(t), make(chan struct{})
		const writers = 40
		go func() {
			defer close(done)
			outcomes := raceOf(writers, func(i int) error {
				return feed.Record(t.Context(), line(ports.RevokedSession, fmt.Sprint(i), at))
			})
			if outcomes[""] != writers {
				t.Errorf("writers failed: %v", outcomes)
			}
		}()
		seen, cursor, last := map[string]bool{}, int64(0), false
		for !last {
			select {
			case <-done:
				last = true // one more look after the last writer
			default:
			}
			lines, err := feed.After(t.Context(), cursor, 7)
			require.NoError(t, err)
			for _, l := range lines {
				require.Greater(t, l.Cursor, cursor)
				seen[l.ID], cursor, last = true, l.Cursor, false
			}
		}
		require.Len(t, seen, writers)
	})
}

func ids(lines []ports.Revocation) (out []string) {
	for _, l := range lines {
		out = append(out, l.ID)
	}
	return out
}

func requireRevoked(t *testing.T, feed ports.Revocations, want bool, subject, session string, issued time.Time) {
	t.Helper()
	got, err := feed.Revoked(t.Context(), subject, session, issued)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
