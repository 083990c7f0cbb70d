package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// TopUps stores payments that bring money in.
type Payments struct{ db *sqlx.DB }

// NewPayments keeps top-ups in db.
func NewPayments(db *sqlx.DB) *Payments { return &Payments{db: db} }

const paymentColumns = `id, owner_id, account_id, provider, amount, currency, status, provider_ref, failure_code,
	coalesce(transfer_id::text, '') AS transfer_id, created_at, updated_at`

type paymentRow struct {
	ID          domain.PaymentID     `db:"id"`
	Owner       domain.OwnerID       `db:"owner_id"`
	Wallet      domain.WalletID      `db:"account_id"`
	Provider    string               `db:"provider"`
	Amount      int64                `db:"amount"`
	Currency    money.Currency       `db:"currency"`
	Status      domain.PaymentStatus `db:"status"`
	ProviderRef string               `db:"provider_ref"`
	FailureCode string               `db:"failure_code"`
	Transfer    domain.TransferID    `db:"transfer_id"`
	CreatedAt   time.Time            `db:"created_at"`
	UpdatedAt   time.Time            `db:"updated_at"`
}

func (r paymentRow) payment() domain.Payment {
	return domain.Payment{
		ID: r.ID, Owner: r.Owner, Wallet: r.Wallet, Provider: r.Provider,
		Amount: money.Money{Amount: r.Amount, Currency: r.Currency}, Status: r.Status,
		ProviderRef: r.ProviderRef, FailureCode: r.FailureCode, Transfer: r.Transfer,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

const (
	addKeySQL = `INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id)
		VALUES ($1, $2, 'topup', $3, $4) ON CONFLICT DO NOTHING`
	addPaymentSQL = `INSERT INTO topup (id, owner_id, account_id, provider, amount, currency)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING ` + paymentColumns
	findPaymentSQL = `SELECT ` + paymentColumns + ` FROM topup WHERE id = $1 AND owner_id = $2`
)

// Add implements ports.Payments.
func (s *Payments) Add(ctx context.Context, t domain.Payment, key domain.Key) (domain.Payment, bool, error) {
	var row paymentRow
	replayed := false
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		// Waits while another request is storing its intent under the same key.
		added, err := tx.ExecContext(ctx, addKeySQL, t.Owner, key.Value, key.Request[:], t.ID)
		if err != nil {
			return err
		}
		if n, err := added.RowsAffected(); err != nil || n == 0 {
			replayed = true
			return s.earlier(ctx, tx, t.Owner, key, &row)
		}
		if err := s.checkWallet(ctx, tx, t); err != nil {
			return err
		}
		return tx.GetContext(ctx, &row, addPaymentSQL, t.ID, t.Owner, t.Wallet, t.Provider, t.Amount.Amount, t.Amount.Currency)
	})
	return row.payment(), replayed, fault("add top-up", err)
}

func (s *Payments) earlier(ctx context.Context, tx *sqlx.Tx, owner domain.OwnerID, key domain.Key, row *paymentRow) error {
	var k keyRow
	if err := tx.GetContext(ctx, &k, findKeySQL, owner, key.Value); err != nil {
		return err
	}
	id, err := k.use("topup", key)
	if err != nil {
		return err
	}
	return tx.GetContext(ctx, row, findPaymentSQL, id, owner)
}

// checkWallet holds the wallet as it is until the intent is stored, so that it is not closed
// in between.
func (s *Payments) checkWallet(ctx context.Context, tx *sqlx.Tx, t domain.Payment) error {
	var w walletRow
	err := one(ctx, tx, "lock wallet", domain.ErrWalletNotFound, &w, findWalletSQL+` FOR UPDATE`, t.Wallet, t.Owner)
	switch {
	case err != nil:
		return err
	case w.Status != domain.Active:
		return domain.ErrWalletNotActive
	case w.Currency != t.Amount.Currency:
		return domain.ErrCurrencyMismatch
	}
	return nil
}

// Find implements ports.Payments.
func (s *Payments) Find(ctx context.Context, owner domain.OwnerID, id domain.PaymentID) (domain.Payment, error) {
	var r paymentRow
	err := one(ctx, s.db, "find top-up", domain.ErrPaymentNotFound, &r, findPaymentSQL, id, owner)
	return r.payment(), err
}

const recordSQL = `UPDATE topup SET status = $2, provider_ref = $3, failure_code = $4, updated_at = clock_timestamp()
	WHERE id = $1 AND status IN ('created', 'requires_action', 'processing')`

// Record implements ports.Payments.
func (s *Payments) Record(ctx context.Context, t domain.Payment) error {
	_, err := s.db.ExecContext(ctx, recordSQL, t.ID, t.Status, t.ProviderRef, t.FailureCode)
	return fault("record top-up", err)
}

const claimSQL = `UPDATE topup SET updated_at = clock_timestamp() WHERE id IN (
		SELECT id FROM topup WHERE status IN ('created', 'requires_action', 'processing') AND updated_at < $1
		ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
	) RETURNING ` + paymentColumns

// Claim implements ports.Payments.
func (s *Payments) Claim(ctx context.Context, before time.Time, limit int) ([]domain.Payment, error) {
	var rows []paymentRow
	if err := s.db.SelectContext(ctx, &rows, claimSQL, before, limit); err != nil {
		return nil, fault("claim top-ups", err)
	}
	ts := make([]domain.Payment, len(rows))
	for i, r := range rows {
		ts[i] = r.payment()
	}
	return ts, nil
}
