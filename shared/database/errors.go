package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/lib/pq"
)

// SQLSTATEs that mean something here. Classes are their first two characters.
const (
	uniqueViolation      = "23505"
	checkViolation       = "23514"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006" // connected to a standby, or a primary that was demoted
	idleInTransaction    = "25P03"
	lockNotAvailable     = "55P03"
	duplicateObject      = "42710"

	// internal_error; in a catalogue that several change at once it says just this.
	tupleConcurrentlyUpdated = "XX000"
)

// IsUnique says that err is the violation of the unique constraint or index of that name; with
// "" of any.
func IsUnique(err error, constraint string) bool { return violates(err, uniqueViolation, constraint) }

// IsCheck says that err is the violation of the check constraint of that name; with "" of any.
func IsCheck(err error, constraint string) bool { return violates(err, checkViolation, constraint) }

func violates(err error, state, constraint string) bool {
	e := pq.As(err)
	return e != nil && e.SQLState() == state && (constraint == "" || e.Constraint == constraint)
}

// IsUnavailable says that the database could not do its work now: asked again later, the same
// may succeed. It covers a server that is gone, starting, stopping, full or read-only, and the
// limits on time; not a caller that went away (context.Canceled).
func IsUnavailable(err error) bool {
	if e := pq.As(err); e != nil {
		return unavailable(e.SQLState())
	}
	var unknown *UnknownOutcomeError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &unknown), errors.As(err, &network):
		return true
	}
	for _, is := range []error{
		driver.ErrBadConn, sql.ErrConnDone, context.DeadlineExceeded, errClosedIdle, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

func unavailable(state string) bool {
	switch state {
	case serializationFailure, deadlockDetected, readOnlyTransaction, idleInTransaction, lockNotAvailable:
		return true
	}
	for _, class := range []string{
		"08", // connection exception
		"53", // insufficient resources: too many connections, disk full
		"57", // operator intervention: shutdown, starting up, statement timeout
		"58", // system error: I/O
	} {
		if strings.HasPrefix(state, class) {
			return true
		}
	}
	return false
}

// UnknownOutcomeError is a commit that was sent and not answered: it may have happened or not.
// Only asking the database can tell; doing it all again may do it twice.
type UnknownOutcomeError struct{ Cause error }

func (e *UnknownOutcomeError) Error() string {
	return "commit sent, outcome unknown: " + e.Cause.Error()
}

func (e *UnknownOutcomeError) Unwrap() error { return e.Cause }
