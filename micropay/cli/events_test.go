package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	authmigrations "github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/micropay/cli"
	"github.com/micropay/micropay/shared/events"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/goaws"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/transaction"
	"github.com/micropay/micropay/transaction/migrations"
)

const userID = "019c5a00-0000-7000-8000-000000000001"

// registered is a database in which somebody has registered.
func registered(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t, pgtest.Schema{Name: auth.Schema, FS: authmigrations.FS}, pgtest.Schema{Name: transaction.Schema, FS: migrations.FS})
	_, err := db.Admin.ExecContext(t.Context(), `INSERT INTO auth.users (id, email, name, created_at) VALUES ($1, 'ann@example.com', 'Ann', now())`, userID)
	require.NoError(t, err)
	return db
}

func runEvents(ctx context.Context, t *testing.T, db *pgtest.DB, environ []string, args ...string) (int, string, string) {
	t.Helper()
	var out, trouble locked
	status := cli.Run(ctx, append([]string{"events", args[0], "--data", t.TempDir(), "--database-url", db.AdminDSN}, args[1:]...), environ, &out, &trouble)
	return status, out.String(), trouble.String()
}

type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestEventsTail_TellsWhatWasTold(t *testing.T) {
	t.Parallel()
	db := registered(t)
	status, out, _ := runEvents(t.Context(), t, db, nil, "tail")
	require.Zero(t, status)
	require.Contains(t, out, events.UserRegistered)
	require.Contains(t, out, userID)
	require.Contains(t, out, "waits", "nobody has published it")

	status, out, _ = runEvents(t.Context(), t, db, nil, "tail", "--json")
	require.Zero(t, status)
	e, err := events.Parse([]byte(strings.TrimSpace(out)))
	require.NoError(t, err)
	require.Equal(t, events.UserRegistered, e.Type)
	require.Equal(t, "/micropay/auth", e.Source)

	for _, none := range [][]string{{"tail", "--type", "micropay.transfer"}, {"tail", "--since", "0s"}} {
		status, out, _ = runEvents(t.Context(), t, db, nil, none...)
		require.Zero(t, status)
		require.NotContains(t, out, userID)
	}
	status, _, trouble := runEvents(t.Context(), t, db, nil, "tail", "--since", "yesterday")
	require.Equal(t, 1, status)
	require.Contains(t, trouble, "since")
}

func TestEventsTail_FollowsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	db := registered(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out locked
	done := make(chan int)
	go func() {
		done <- cli.Run(ctx, []string{"events", "tail", "--follow", "--json", "--data", t.TempDir(), "--database-url", db.AdminDSN}, nil, &out, &locked{})
	}()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), events.UserRegistered) }, 20*time.Second, 10*time.Millisecond)
	_, err := db.Admin.ExecContext(t.Context(), `UPDATE auth.users SET email_verified = true`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), events.UserVerified) }, 20*time.Second, 10*time.Millisecond)
	stop()
	require.Zero(t, <-done)
	require.Equal(t, 1, strings.Count(out.String(), events.UserRegistered), "each once")
}

func TestEventsRedrive_PutsDeadLettersBack(t *testing.T) {
	t.Parallel()
	db := registered(t)
	_, err := db.Admin.ExecContext(t.Context(), `INSERT INTO auth.queue (event_id, body, receives, dead_at) SELECT gen_random_uuid(), '{}', 10, now() FROM generate_series(1, 3)`)
	require.NoError(t, err)
	status, out, _ := runEvents(t.Context(), t, db, nil, "redrive", "auth", "--most", "2")
	require.Zero(t, status)
	require.Equal(t, "auth: 2 put back, 1 left\n", out)
	status, out, _ = runEvents(t.Context(), t, db, nil, "redrive", "transaction")
	require.Zero(t, status)
	require.Equal(t, "transaction: 0 put back, 0 left\n", out)
	for _, wrong := range [][]string{{"redrive"}, {"redrive", "nobody"}, {"redrive", "auth", "--most", "0"}} {
		status, _, trouble := runEvents(t.Context(), t, db, nil, wrong...)
		require.Equal(t, 1, status, wrong)
		require.NotEmpty(t, trouble)
	}
}

func TestEventsRedrive_OfSQS(t *testing.T) {
	cfg := goaws.New(t).AWSConfig()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": *cfg.BaseEndpoint, "AWS_REGION": cfg.Region, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} {
		t.Setenv(name, value)
	}
	db, names := registered(t), queues.Provision(t, cfg, false, "auth", "transaction")
	environ := []string{
		"SNS_TOPIC_ARN=" + names.Topic, "AUTH_QUEUE_URL=" + names.Queues["auth"], "TRANSACTION_QUEUE_URL=" + names.Queues["transaction"], "AWS_REGION=us-east-1",
	}
	queues.Bury(t, cfg, names.DeadLetters["transaction"], "{}")
	status, out, trouble := runEvents(t.Context(), t, db, environ, "redrive", "transaction")
	require.Zero(t, status, trouble)
	require.Equal(t, "transaction: 1 put back, 0 left\n", out)
}

func TestEventsStatus_TellsBacklogAndDeadLetters(t *testing.T) {
	t.Parallel()
	db := registered(t)
	_, err := db.Admin.ExecContext(t.Context(), `INSERT INTO auth.queue (event_id, body, receives, dead_at) VALUES (gen_random_uuid(), '{}', 10, now())`)
	require.NoError(t, err)
	status, out, _ := runEvents(t.Context(), t, db, nil, "status", "--json")
	require.Zero(t, status)
	var found []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	require.Len(t, found, 2)
	require.Equal(t, "auth", found[0]["service"])
	require.InDelta(t, 1, found[0]["unpublished"], 0)
	require.InDelta(t, 1, found[0]["dead_letters"], 0)
	require.InDelta(t, 0, found[1]["dead_letters"], 0)
	status, out, _ = runEvents(t.Context(), t, db, nil, "status")
	require.Zero(t, status)
	require.Contains(t, out, "DEAD LETTERS")
}
