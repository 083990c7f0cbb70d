package database_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
)

func TestIsUnavailable_KnowsWhatToTryAgainLater(t *testing.T) {
	t.Parallel()
	state := func(s string) error { return fmt.Errorf("query: %w", &pq.Error{Code: pqerror.Code(s)}) }
	for _, err := range []error{
		state("08006"), state("53300"), state("53100"), state("57P01"), state("57P03"), state("57014"), state("58030"),
		state("25006"), state("25P03"), state("55P03"), state("40001"), state("40P01"),
		driver.ErrBadConn, sql.ErrConnDone, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
		&net.OpError{Op: "dial", Err: errors.New("refused")}, &database.UnknownOutcomeError{Cause: errBoom},
	} {
		require.True(t, database.IsUnavailable(fmt.Errorf("wrapped: %w", err)), "%v", err)
	}
	for _, err := range []error{
		nil, errBoom, context.Canceled, sql.ErrNoRows, state("23505"), state("42501"), state("22P02"), state("P0001"),
	} {
		require.False(t, database.IsUnavailable(err), "%v", err)
	}
}

func TestIsUniqueAndIsCheck_TellTheConstraint(t *testing.T) {
	t.Parallel()
	db, _ := ledger(t)
	exec(t, db, "ALTER TABLE t ADD CONSTRAINT v_range CHECK (v < 10)")
	exec(t, db, "INSERT INTO t VALUES (1)")
	_, twice := db.ExecContext(t.Context(), "INSERT INTO t VALUES (1)")
	_, big := db.ExecContext(t.Context(), "INSERT INTO t VALUES (2, 10)")
	twice, big = fmt.Errorf("insert: %w", twice), fmt.Errorf("insert: %w", big)

	require.True(t, database.IsUnique(twice, "t_pk"))
	require.True(t, database.IsUnique(twice, ""))
	require.False(t, database.IsUnique(twice, "other"))
	require.False(t, database.IsUnique(big, ""))
	require.True(t, database.IsCheck(big, "v_range"))
	require.False(t, database.IsCheck(big, "other"))
	require.False(t, database.IsCheck(nil, ""))
}
