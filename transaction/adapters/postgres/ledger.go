package postgres

import (
	"context"
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
	FROM post_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ORDER BY n`

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
	args := groupArguments(withFees(group))
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
	posted := make([]ports.Posted, len(group))
	for i, p := range group {
		posted[i] = rows[0].posted()
		rows = rows[1:]
		if p.Fee != nil { // it comes right after, out of the same wallet
			afterFee(&posted[i], p, rows[0].SrcBalance)
			rows = rows[1:]
		}
	}
	return posted, nil
}

// withFees gives each fee a posting of its own, right after the one it belongs to.
func withFees(group []domain.Posting) []domain.Posting {
	all := make([]domain.Posting, 0, len(group))
	for _, p := range group {
		all = append(all, p)
		if p.Fee != nil {
			all = append(all, domain.Posting{
				Order: domain.Order{
					ID: p.Fee.ID, Caller: p.Caller, From: walletOf(p), To: p.Fee.To, Amount: p.Fee.Amount,
					Description: p.Description + " fee",
				},
				Kind: domain.KindFee, Payment: p.Payment,
			})
		}
	}
	return all
}

// afterFee corrects the balance of the wallet that paid a fee, too.
func afterFee(posted *ports.Posted, p domain.Posting, balance int64) {
	switch {
	case posted.Err != nil || posted.Settled:
	case walletOf(p) == p.To:
		posted.ToBalance = balance
	default:
		posted.FromBalance = balance
	}
}

// walletOf is the side of a payment's posting that is a person's.
func walletOf(p domain.Posting) domain.WalletID {
	if p.Kind == domain.KindTopUp {
		return p.To
	}
	return p.From
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
	text := func(property func(domain.Posting) string) any {
		values := make([]string, n)
		for i, p := range group {
			values[i] = property(p)
		}
		return pq.Array(values)
	}
	src, dst, amounts := make([]int64, n), make([]int64, n), make([]int64, n)
	operators, hashes := make([]bool, n), make([][]byte, n)
	for i, p := range group {
		src[i], dst[i], amounts[i] = place[string(p.From)], place[string(p.To)], p.Amount.Amount
		operators[i], hashes[i] = p.Caller.Operator, p.Key.Request[:]
	}
	return []any{
		pq.Array(accounts),
		text(func(p domain.Posting) string { return string(p.ID) }),
		text(func(p domain.Posting) string { return string(p.Kind) }),
		pq.Array(src), pq.Array(dst), pq.Array(amounts),
		text(func(p domain.Posting) string { return string(p.Amount.Currency) }),
		text(func(p domain.Posting) string { return p.Description }),
		text(func(p domain.Posting) string { return string(p.Caller.ID) }),
		pq.Array(operators),
		text(func(p domain.Posting) string { return string(p.Reverses) }),
		text(func(p domain.Posting) string { return string(p.Payment) }),
		text(func(p domain.Posting) string { return string(p.Dispute) }),
		text(func(p domain.Posting) string { return string(p.Hold) }),
		text(func(p domain.Posting) string { return p.Key.Value }),
		pq.Array(hashes),
	}
}

// The names of the system accounts that are not a provider's. No provider may have them.
const (
	feesAccount       = "fees"
	receivableAccount = "receivable"
)

const addSystemAccountsSQL = `INSERT INTO account (id, kind, currency, name)
	SELECT id, 'system', $2, name FROM unnest($1::uuid[], $3::text[]) u (id, name)
	ON CONFLICT (name, currency) WHERE kind = 'system' DO NOTHING`

const systemAccountsSQL = `SELECT name, id FROM account WHERE kind = 'system' AND currency = $1 AND name = ANY($2)`

// Accounts implements ports.Ledger.
func (l *Ledger) Accounts(ctx context.Context, provider string, currency money.Currency) (domain.Accounts, error) {
	accounts, err := systemAccounts(ctx, l.db, provider, currency)
	return accounts, fault("system accounts", err)
}

func systemAccounts(ctx context.Context, q sqlx.ExtContext, provider string, currency money.Currency) (domain.Accounts, error) {
	names := []string{provider, feesAccount, receivableAccount}
	ids, err := accountIDs(ctx, q, currency, names)
	if err == nil && len(ids) < len(names) {
		fresh := make([]string, len(names))
		for i := range fresh {
			fresh[i] = uuid.Must(uuid.NewV7()).String()
		}
		if _, err := q.ExecContext(ctx, addSystemAccountsSQL, pq.Array(fresh), currency, pq.Array(names)); err != nil {
			return domain.Accounts{}, err
		}
		ids, err = accountIDs(ctx, q, currency, names)
	}
	return domain.Accounts{Provider: ids[provider], Fees: ids[feesAccount], Receivable: ids[receivableAccount]}, err
}

func accountIDs(ctx context.Context, q sqlx.QueryerContext, currency money.Currency, names []string) (map[string]domain.WalletID, error) {
	var rows []struct {
		Name string          `db:"name"`
		ID   domain.WalletID `db:"id"`
	}
	err := sqlx.SelectContext(ctx, q, &rows, systemAccountsSQL, currency, pq.Array(names))
	ids := make(map[string]domain.WalletID, len(rows))
	for _, r := range rows {
		ids[r.Name] = r.ID
	}
	return ids, err
}
