package postgres

import (
	"bytes"
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// Transfers reads the transfers that stand in the ledger.
type Transfers struct{ db *sqlx.DB }

// NewTransfers reads from db.
func NewTransfers(db *sqlx.DB) *Transfers { return &Transfers{db: db} }

const findTransferSQL = `SELECT t.id, t.kind, t.from_account, t.to_account, t.amount, t.currency, t.description,
		coalesce(t.reverses::text, '') AS reverses, t.created_at,
		coalesce(f.owner_id::text, '') AS from_owner, coalesce(d.owner_id::text, '') AS to_owner,
		coalesce((SELECT sum(r.amount) FROM transfer r WHERE r.reverses = t.id), 0)::bigint AS reversed
	FROM transfer t JOIN account f ON f.id = t.from_account JOIN account d ON d.id = t.to_account
	WHERE t.id = $1`

type transferRow struct {
	ID          domain.TransferID `db:"id"`
	Kind        domain.Kind       `db:"kind"`
	From        domain.WalletID   `db:"from_account"`
	To          domain.WalletID   `db:"to_account"`
	Amount      int64             `db:"amount"`
	Currency    money.Currency    `db:"currency"`
	Description string            `db:"description"`
	Reverses    domain.TransferID `db:"reverses"`
	CreatedAt   time.Time         `db:"created_at"`
	FromOwner   domain.OwnerID    `db:"from_owner"`
	ToOwner     domain.OwnerID    `db:"to_owner"`
	Reversed    int64             `db:"reversed"`
}

// Find implements ports.Transfers.
func (s *Transfers) Find(ctx context.Context, id domain.TransferID) (domain.Transfer, error) {
	var r transferRow
	err := one(ctx, s.db, "find transfer", domain.ErrTransferNotFound, &r, findTransferSQL, id)
	return domain.Transfer{
		ID: r.ID, Kind: r.Kind, From: r.From, To: r.To, FromOwner: r.FromOwner, ToOwner: r.ToOwner,
		Amount:      money.Money{Amount: r.Amount, Currency: r.Currency},
		Reversed:    money.Money{Amount: r.Reversed, Currency: r.Currency},
		Description: r.Description, Reverses: r.Reverses, CreatedAt: r.CreatedAt.UTC(),
	}, err
}

const balanceAfterSQL = `SELECT balance_after FROM entry WHERE account_id = $1 AND created_at = $2 AND transfer_id = $3`

// BalanceAfter implements ports.Transfers.
func (s *Transfers) BalanceAfter(ctx context.Context, t domain.Transfer, wallet domain.WalletID) (money.Money, error) {
	balance := money.Money{Currency: t.Amount.Currency}
	err := one(ctx, s.db, "find entry", domain.ErrTransferNotFound, &balance.Amount, balanceAfterSQL, wallet, t.CreatedAt, t.ID)
	return balance, err
}

const findKeySQL = `SELECT operation, request_hash, resource_id FROM idempotency WHERE owner_id = $1 AND key = $2`

type keyRow struct {
	Operation string `db:"operation"`
	Request   []byte `db:"request_hash"`
	Resource  string `db:"resource_id"`
}

// use returns what a key made for an operation, "" when it was never used.
// Errors: domain.ErrKeyReused.
func (k keyRow) use(operation string, key domain.Key) (string, error) {
	if k.Resource != "" && (k.Operation != operation || !bytes.Equal(k.Request, key.Request[:])) {
		return "", domain.ErrKeyReused
	}
	return k.Resource, nil
}

// ByKey implements ports.Transfers.
func (s *Transfers) ByKey(ctx context.Context, caller domain.OwnerID, key domain.Key) (domain.TransferID, error) {
	var k keyRow
	if err := one(ctx, s.db, "find key", nil, &k, findKeySQL, caller, key.Value); err != nil {
		return "", err
	}
	id, err := k.use("transfer", key)
	return domain.TransferID(id), err
}
