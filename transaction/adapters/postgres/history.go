package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// History reads entries by their key: account, time, sequence.
type History struct{ db *sqlx.DB }

// NewHistory reads from db.
func NewHistory(db *sqlx.DB) *History { return &History{db: db} }

const entryColumns = `e.account_id, e.seq, e.amount, e.balance_after, e.created_at, t.currency,
	t.id AS transfer_id, t.kind, t.description, coalesce(t.reverses::text, '') AS reverses,
	CASE WHEN o.kind = 'wallet' THEN o.id::text ELSE '' END AS other_wallet,
	CASE WHEN o.kind = 'system' THEN o.name ELSE '' END AS other_provider`

const entryJoins = ` JOIN transfer t ON t.id = e.transfer_id
	JOIN account o ON o.id = CASE WHEN e.amount < 0 THEN t.to_account ELSE t.from_account END`

type entryRow struct {
	Wallet        domain.WalletID   `db:"account_id"`
	Seq           int64             `db:"seq"`
	Amount        int64             `db:"amount"`
	BalanceAfter  int64             `db:"balance_after"`
	CreatedAt     time.Time         `db:"created_at"`
	Currency      money.Currency    `db:"currency"`
	Transfer      domain.TransferID `db:"transfer_id"`
	Kind          domain.Kind       `db:"kind"`
	Description   string            `db:"description"`
	Reverses      domain.TransferID `db:"reverses"`
	OtherWallet   domain.WalletID   `db:"other_wallet"`
	OtherProvider string            `db:"other_provider"`
}

func (r entryRow) entry() domain.Entry {
	return domain.Entry{
		Wallet: r.Wallet, Seq: r.Seq, CreatedAt: r.CreatedAt.UTC(),
		Amount:       money.Money{Amount: r.Amount, Currency: r.Currency},
		BalanceAfter: money.Money{Amount: r.BalanceAfter, Currency: r.Currency},
		Transfer:     r.Transfer, Kind: r.Kind, Description: r.Description, Reverses: r.Reverses,
		Counterparty: domain.Counterparty{Wallet: r.OtherWallet, Provider: r.OtherProvider},
	}
}

// Every wallet gives its own newest entries by one walk down the index, then the newest of all
// of them are joined: the work depends on the page and the number of wallets, not on how long
// the history is.
const entriesSQL = `SELECT ` + entryColumns + ` FROM (
		SELECT newest.* FROM account w, LATERAL (
			SELECT account_id, seq, amount, balance_after, created_at, transfer_id FROM entry
			WHERE account_id = w.id
			  AND created_at >= coalesce($3, '-infinity'::timestamptz)
			  AND created_at < coalesce($4, 'infinity'::timestamptz)
			  AND (created_at, account_id, seq) < (coalesce($5, 'infinity'::timestamptz), coalesce($6, w.id), coalesce($7, 0))
			  AND created_at <= coalesce($5, 'infinity'::timestamptz)
			ORDER BY created_at DESC, seq DESC LIMIT $8
		) newest
		WHERE w.owner_id = $1 AND w.kind = 'wallet' AND ($2::uuid IS NULL OR w.id = $2)
		ORDER BY newest.created_at DESC, newest.account_id DESC, newest.seq DESC LIMIT $8
	) e` + entryJoins + ` ORDER BY e.created_at DESC, e.account_id DESC, e.seq DESC`

// Entries implements ports.History.
func (s *History) Entries(ctx context.Context, q ports.EntryQuery) ([]domain.Entry, error) {
	var at, wallet, seq any
	if q.After != nil {
		at, wallet, seq = q.After.At, q.After.Wallet, q.After.Seq
	}
	return s.read(ctx, entriesSQL, q.Owner, orNull(q.Wallet), timeOrNull(q.Period.From), timeOrNull(q.Period.To), at, wallet, seq, q.Limit)
}

const forwardSQL = `SELECT ` + entryColumns + ` FROM (
		SELECT account_id, seq, amount, balance_after, created_at, transfer_id FROM entry
		WHERE account_id = $1 AND created_at >= $2 AND created_at < $3 AND seq > $4
		ORDER BY created_at, seq LIMIT $5
	) e` + entryJoins + ` ORDER BY e.created_at, e.seq`

// Forward implements ports.History.
func (s *History) Forward(ctx context.Context, wallet domain.WalletID, p domain.Period, after int64, limit int) ([]domain.Entry, error) {
	return s.read(ctx, forwardSQL, wallet, p.From, p.To, after, limit)
}

func (s *History) read(ctx context.Context, query string, args ...any) ([]domain.Entry, error) {
	var rows []entryRow
	if err := s.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, fault("read history", err)
	}
	entries := make([]domain.Entry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}

const balanceAtSQL = `SELECT coalesce((SELECT balance_after FROM entry
	WHERE account_id = $1 AND (created_at < $2 OR $3 AND created_at = $2)
	  AND created_at <= $2 ORDER BY created_at DESC, seq DESC LIMIT 1), 0)`

// BalanceAt implements ports.History.
func (s *History) BalanceAt(ctx context.Context, wallet domain.WalletID, at time.Time, inclusive bool) (int64, error) {
	var balance int64
	err := s.db.GetContext(ctx, &balance, balanceAtSQL, wallet, at, inclusive)
	return balance, fault("read balance at a moment", err)
}

func orNull[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
