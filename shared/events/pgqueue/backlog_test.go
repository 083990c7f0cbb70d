package pgqueue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events/pgqueue"
	"github.com/micropay/micropay/testing/pgtest"
)

// However much waits, to receive a few messages reads a few rows: else a backlog would be worked
// off the slower, the larger it is.
func TestReceive_BehindABacklog_ReadsNoMoreThanItTakes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema)
	db.App.SetMaxOpenConns(1) // whose statistics are asked for
	_, err := db.Admin.ExecContext(t.Context(), `INSERT INTO queues.queue (event_id, body) SELECT gen_random_uuid(), '{}' FROM generate_series(1, 5000)`)
	require.NoError(t, err)
	_, err = db.Admin.ExecContext(t.Context(), `VACUUM ANALYZE queues.queue`)
	require.NoError(t, err)
	q := pgqueue.New(db.App, pgqueue.Config{Visibility: time.Minute, MaxReceives: 3, Wait: time.Second})
	for range 10 {
		ms, err := q.Receive(t.Context(), 8)
		require.NoError(t, err)
		require.Len(t, ms, 8)
	}
	for range 2 {
		_, err = db.App.ExecContext(t.Context(), `SELECT pg_stat_force_next_flush()`)
		require.NoError(t, err)
	}
	var read int
	require.NoError(t, db.Admin.GetContext(t.Context(), &read, `SELECT coalesce((SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'queue'), 0)
		+ coalesce((SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = 'queue'), 0)`))
	require.Positive(t, read)
	require.Less(t, read, 2000, "80 messages were taken")
}
