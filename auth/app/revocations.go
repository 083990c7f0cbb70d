package app

import (
	"context"
	"fmt"
	"strconv"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// MaxRevocations bounds one page of the revocation feed.
const MaxRevocations = 500

// RevocationsAfter lists the revocations after cursor ("" is the start), oldest first, and the
// cursor to continue with; limit 0 or too large means MaxRevocations.
//
// Errors: domain.ErrInvalidCursor.
func (a *App) RevocationsAfter(ctx context.Context, cursor string, limit int) ([]ports.Revocation, string, error) {
	after, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	if limit < 1 || limit > MaxRevocations {
		limit = MaxRevocations
	}
	lines, err := a.Revocations.After(ctx, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("revocations: %w", err)
	}
	if len(lines) > 0 {
		after = lines[len(lines)-1].Cursor
	}
	return lines, strconv.FormatInt(after, 10), nil
}

func parseCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	after, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || after < 0 || strconv.FormatInt(after, 10) != cursor {
		return 0, domain.ErrInvalidCursor
	}
	return after, nil
}
