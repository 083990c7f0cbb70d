// Package postgres keeps wallets, ledger, history, payments, holds and disputes in PostgreSQL.
//
// Money moves through one function of the database, post_group (migrations/00006); the role
// the service connects as may not write balances, transfers or entries any other way.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/transaction/ports"
)

var (
	_ ports.Ledger          = (*Ledger)(nil)
	_ ports.Wallets         = (*Wallets)(nil)
	_ ports.Transfers       = (*Transfers)(nil)
	_ ports.History         = (*History)(nil)
	_ ports.Payments        = (*Payments)(nil)
	_ ports.Holds           = (*Holds)(nil)
	_ ports.Disputes        = (*Disputes)(nil)
	_ ports.RevocationStore = (*Revocations)(nil)
	_ ports.Inbox           = (*Inbox)(nil)
)

// fault marks what the database cannot answer now, so that callers see ports.ErrUnavailable,
// and says what was tried.
func fault(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case database.IsUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, ports.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// one reads a single row into dst, or answers missing.
func one(ctx context.Context, q sqlx.QueryerContext, doing string, missing error, dst any, query string, args ...any) error {
	err := sqlx.GetContext(ctx, q, dst, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return fault(doing, err)
}
