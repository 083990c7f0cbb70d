package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/postgres"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/contract/authports"
	"github.com/micropay/micropay/testing/pgtest"
)

func database(t *testing.T) *pgtest.DB {
	t.Helper()
	return pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS})
}

func TestUsers_KeepTheContract(t *testing.T) {
	t.Parallel()
	authports.Users(t, func(t *testing.T) ports.Users { return postgres.NewUsers(database(t).App, time.Now) })
}

func TestRevocations_KeepTheContract(t *testing.T) {
	t.Parallel()
	authports.Revocations(t, func(t *testing.T) ports.Revocations { return postgres.NewRevocations(database(t).App) })
}

func TestLetterBox_KeepsTheContract(t *testing.T) {
	t.Parallel()
	authports.LetterBox(t, func(t *testing.T) ports.LetterBox {
		return postgres.NewLetterBox(database(t).App, slog.New(slog.DiscardHandler))
	})
}

type told struct {
	Type     string `db:"type"`
	Subject  string `db:"subject"`
	Sequence int64  `db:"sequence"`
	Payload  string `db:"payload"`
}

func TestWhatHappensToAPerson_IsToldInTheSameCommit(t *testing.T) {
	t.Parallel()
	db := database(t)
	users, revocations := postgres.NewUsers(db.App, time.Now), postgres.NewRevocations(db.App)
	email, err := domain.ParseEmail("ann@example.com")
	require.NoError(t, err)
	name, err := domain.ParseName("Ann")
	require.NoError(t, err)
	const id = "019c5a00-0000-7000-8000-000000000001"
	for range 2 {
		_, err = users.Ensure(t.Context(), domain.User{ID: id, Email: email, Name: name, Locale: domain.Spanish, CreatedAt: time.Now()})
		require.NoError(t, err)
		require.NoError(t, users.MarkVerified(t.Context(), id))
	}
	at := time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)
	for range 2 {
		require.NoError(t, revocations.Record(t.Context(), ports.Revocation{Kind: ports.RevokedSession, ID: "s1", At: at, ExpiresAt: at.Add(time.Hour)}))
		require.NoError(t, users.Delete(t.Context(), id))
	}
	var events []told
	require.NoError(t, db.App.SelectContext(t.Context(), &events, `SELECT type, subject, sequence, payload FROM outbox ORDER BY seq`))
	require.Len(t, events, 4, "each once")
	for i, want := range []told{
		{"micropay.user.registered.v1", id, 1, `{"user_id":"` + id + `","locale":"es","email_verified":false}`},
		{"micropay.user.verified.v1", id, 2, `{"user_id":"` + id + `"}`},
		{"micropay.user.signed_out.v1", "s1", 1, `{"kind":"session","id":"s1","revoked_at":"2026-05-01T12:00:00.123456Z","expires_at":"2026-05-01T13:00:00.123456Z"}`},
		{"micropay.user.deleted.v1", id, 3, `{"user_id":"` + id + `"}`},
	} {
		require.JSONEq(t, want.Payload, events[i].Payload)
		events[i].Payload = want.Payload
		require.Equal(t, want, events[i])
	}
	var ids []string
	require.NoError(t, db.App.SelectContext(t.Context(), &ids, `SELECT id FROM outbox ORDER BY seq`))
	for _, id := range ids {
		parsed := uuid.MustParse(id)
		require.EqualValues(t, 7, parsed.Version())
		require.Equal(t, uuid.RFC4122, parsed.Variant())
		seconds, _ := parsed.Time().UnixTime()
		require.WithinDuration(t, time.Now(), time.Unix(seconds, 0), time.Minute)
	}
}

func TestForgetEvents_KeepsTheNewOnes(t *testing.T) {
	t.Parallel()
	db := database(t)
	box := postgres.NewLetterBox(db.App, slog.New(slog.DiscardHandler))
	for _, id := range []string{"019c5a00-0000-7000-8000-000000000001", "019c5a00-0000-7000-8000-000000000002"} {
		require.NoError(t, box.Promise(t.Context(), ports.Occurrence{ID: id, Type: "x"}))
	}
	_, err := db.Owner.ExecContext(t.Context(), `UPDATE inbox SET handled_at = now() - interval '31 days' WHERE event_id = '019c5a00-0000-7000-8000-000000000001'`)
	require.NoError(t, err)
	require.NoError(t, box.Forget(t.Context(), 30*24*time.Hour))
	var left []string
	require.NoError(t, db.App.SelectContext(t.Context(), &left, `SELECT event_id FROM inbox`))
	require.Equal(t, []string{"019c5a00-0000-7000-8000-000000000002"}, left)
}

// A line of an unfinished transaction must not be overtaken: who reads past it would never see it.
func TestRevocations_ALateCommitIsNotSkipped(t *testing.T) {
	t.Parallel()
	db := database(t)
	feed := postgres.NewRevocations(db.App)
	slow, err := db.App.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	at := time.Now()
	_, err = slow.ExecContext(t.Context(), "SELECT auth.record_revocation('session', 'slow', $1, $1)", at)
	require.NoError(t, err)
	quick := make(chan error, 1)
	go func() {
		quick <- feed.Record(context.WithoutCancel(t.Context()), ports.Revocation{Kind: ports.RevokedSession, ID: "quick", At: at, ExpiresAt: at})
	}()
	require.Eventually(t, func() bool {
		var waiting int
		return db.Admin.Get(&waiting, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == nil && waiting == 1
	}, 5*time.Second, 5*time.Millisecond, "the quick one waits for the slow one")
	require.NoError(t, slow.Commit())
	require.NoError(t, <-quick)
	lines, err := feed.After(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Equal(t, "slow", lines[0].ID)
	require.Equal(t, "quick", lines[1].ID)
}

func TestRevocations_WhatIsLongOverIsForgotten(t *testing.T) {
	t.Parallel()
	feed, now := postgres.NewRevocations(database(t).App), time.Now()
	for id, expires := range map[string]time.Time{"over": now.Add(-time.Hour), "not yet": now.Add(time.Hour)} {
		require.NoError(t, feed.Record(t.Context(), ports.Revocation{Kind: ports.RevokedSession, ID: id, At: now, ExpiresAt: expires}))
	}
	require.NoError(t, feed.Forget(t.Context(), now))
	lines, err := feed.After(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	require.Equal(t, "not yet", lines[0].ID)
}

func TestPostgres_TellsFaultsFromRefusals(t *testing.T) {
	t.Parallel()
	db := database(t)
	users, feed := postgres.NewUsers(db.App, time.Now), postgres.NewRevocations(db.App)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	const id = "01890000-0000-7000-8000-000000000000"
	_, err := users.ByID(gone, id)
	require.ErrorIs(t, err, context.Canceled)
	_, err = users.Ensure(gone, domain.User{ID: id})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, users.Delete(gone, id), context.Canceled)
	require.ErrorIs(t, feed.Record(gone, ports.Revocation{}), context.Canceled)
	require.ErrorIs(t, feed.Forget(gone, time.Now()), context.Canceled)
	_, err = feed.After(gone, 0, 1)
	require.ErrorIs(t, err, context.Canceled)
	_, err = feed.Revoked(gone, "u", "s", time.Now())
	require.ErrorIs(t, err, context.Canceled)
	_, err = db.Owner.Exec("INSERT INTO auth.users (id, email, name, created_at) VALUES ($1, 'no address', 'x', now())", id)
	require.NoError(t, err)
	_, err = users.ByID(t.Context(), id)
	require.ErrorContains(t, err, "stored user "+id, "a row the domain cannot accept is a fault")
}
