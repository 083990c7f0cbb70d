package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pgtest"
)

// A session keeps the plans it made when the tables were small: one that walks a table would be
// the slower the more has ever been paid.
func TestPost_WalksNoTable(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, schema())
	owner, wallet := seed(t, db)
	var account string
	require.NoError(t, db.App.GetContext(t.Context(), &account, `SELECT id FROM account WHERE kind = 'system'`))
	tx, err := db.Owner.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	for range 10 { // from the sixth on the plans are generic
		var outcome string
		require.NoError(t, tx.GetContext(t.Context(), &outcome, `SELECT outcome FROM post_group(
			ARRAY[$1, $2]::uuid[], ARRAY[$3]::uuid[], '{transfer}', '{2}', '{1}', '{1}', '{USD}', '{""}', ARRAY[$4]::text[], '{false}', '{""}', '{""}', '{""}', '{""}',
			'{key}', '{"\\x00"}')`, account, wallet, uuid.NewString(), owner))
		require.Equal(t, "recipient_unknown", outcome, "nobody pays a provider's account, but all was looked up")
	}
	var walked []string
	require.NoError(t, tx.SelectContext(t.Context(), &walked, `SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0`))
	require.Empty(t, walked)
}
