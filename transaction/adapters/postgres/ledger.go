package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Ledger posts through post_group.
type Ledger struct{ db *sqlx.DB }

// NewLedger keeps the ledger in db.
func NewLedger(db *sqlx.DB) *Ledger { return &Ledger{db: db} }

const postGroupSQL = `SELECT outcome, transfer_id, posted_at, src_balance, dst_balance
	FROM post_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ORDER BY n`

type postedRow struct {
	Outcome    string    `db:"outcome"`
	Transfer   string    `db:"transfer_id"`
	PostedAt   time.Time `db:"posted_at"`
	SrcBalance int64     `db:"src_balance"`
	DstBalance int64     `db:"dst_balance"`
}

// maxAttempts bounds how often a group is posted again after another replica came first with
// one of its keys, or a deadlock or serialization failure. Each such attempt left nothing.
const maxAttempts = 4

// Post implements ports.Ledger in one round trip and one commit.
func (l *Ledger) Post(ctx context.Context, group []domain.Posting) ([]ports.Posted, error) {
	args := groupArguments(group)
	var rows []postedRow
	var err error
	for range maxAttempts {
		rows = rows[:0]
		err = l.db.SelectContext(ctx, &rows, postGroupSQL, args...)
		if !database.IsUnique(err, "idempotency_pkey") && !database.IsRetryable(err) {
			break
		}
	}
	if err != nil {
		return nil, fault("post", err)
	}
	posted := make([]ports.Posted, len(rows))
	for i, r := range rows {
		posted[i] = r.posted()
	}
	return posted, nil
}

func (r postedRow) posted() ports.Posted {
	p := ports.Posted{
		Transfer: domain.TransferID(r.Transfer), At: r.PostedAt.UTC(),
		FromBalance: r.SrcBalance, ToBalance: r.DstBalance,
	}
	switch r.Outcome {
	case "posted":
	case "replayed":
		p.Replayed = true
	case "settled":
		p.Settled = true
	default:
		p.Err = domain.Refusal(r.Outcome)
	}
	return p
}

// groupArguments turns a group into the arrays that post_group takes.
func groupArguments(group []domain.Posting) []any {
	n := len(group)
	var accounts []string
	for _, p := range group {
		accounts = append(accounts, string(p.From), string(p.To))
	}
	slices.Sort(accounts)
	accounts = slices.Compact(accounts)
	place := make(map[string]int64, len(accounts))
	for i, id := range accounts {
		place[id] = int64(i + 1)
	}
	ids, kinds, currencies, descriptions := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	callers, originals, payments, keys := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	src, dst, amounts := make([]int64, n), make([]int64, n), make([]int64, n)
	operators, hashes := make([]bool, n), make([][]byte, n)
	for i, p := range group {
		ids[i], kinds[i], currencies[i], descriptions[i] = string(p.ID), string(p.Kind), string(p.Amount.Currency), p.Description
		callers[i], originals[i], payments[i], keys[i] = string(p.Caller.ID), string(p.Reverses), string(p.Payment), p.Key.Value
		src[i], dst[i], amounts[i] = place[string(p.From)], place[string(p.To)], p.Amount.Amount
		operators[i], hashes[i] = p.Caller.Operator, p.Key.Request[:]
	}
	return []any{
		pq.Array(accounts), pq.Array(ids), pq.Array(kinds), pq.Array(src), pq.Array(dst), pq.Array(amounts),
		pq.Array(currencies), pq.Array(descriptions), pq.Array(callers), pq.Array(operators), pq.Array(originals),
		pq.Array(payments), pq.Array(keys), pq.Array(hashes),
	}
}

const addProviderAccountSQL = `INSERT INTO account (id, kind, currency, name) VALUES ($1, 'system', $2, $3)
	ON CONFLICT (name, currency) WHERE kind = 'system' DO NOTHING`

const providerAccountSQL = `SELECT id FROM account WHERE kind = 'system' AND name = $1 AND currency = $2`

// ProviderAccount implements ports.Ledger.
func (l *Ledger) ProviderAccount(ctx context.Context, provider string, currency money.Currency) (domain.WalletID, error) {
	var id domain.WalletID
	missing := errors.New("provider account missing")
	err := one(ctx, l.db, "find provider account", missing, &id, providerAccountSQL, provider, currency)
	if !errors.Is(err, missing) {
		return id, err
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	if _, err := l.db.ExecContext(ctx, addProviderAccountSQL, fresh.String(), currency, provider); err != nil {
		return "", fault("add provider account", err)
	}
	return id, one(ctx, l.db, "find provider account", missing, &id, providerAccountSQL, provider, currency)
}
