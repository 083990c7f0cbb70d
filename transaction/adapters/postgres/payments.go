package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// Payments stores payments through providers. The database keeps the log of their statuses and
// refuses what the state machine does not allow (migrations/00004).
type Payments struct{ db *sqlx.DB }

// NewPayments keeps payments in db.
func NewPayments(db *sqlx.DB) *Payments { return &Payments{db: db} }

const selectPayments = `SELECT p.id, p.kind, p.owner_id, p.account_id, p.provider, p.amount, p.currency, p.fee, p.status, p.cause,
	p.provider_ref, p.failure_code, p.destination, p.refunded, p.created_at, p.updated_at,
	coalesce(p.parent_id::text, '') AS parent_id, coalesce(o.provider_ref, '') AS parent_ref,
	coalesce(p.hold_id::text, '') AS hold_id, coalesce(p.transfer_id::text, '') AS transfer_id
	FROM payment p LEFT JOIN payment o ON o.id = p.parent_id `

type paymentRow struct {
	ID          domain.PaymentID     `db:"id"`
	Kind        domain.PaymentKind   `db:"kind"`
	Owner       domain.OwnerID       `db:"owner_id"`
	Wallet      domain.WalletID      `db:"account_id"`
	Provider    string               `db:"provider"`
	Amount      int64                `db:"amount"`
	Currency    money.Currency       `db:"currency"`
	Fee         int64                `db:"fee"`
	Status      domain.PaymentStatus `db:"status"`
	Cause       string               `db:"cause"`
	ProviderRef string               `db:"provider_ref"`
	FailureCode string               `db:"failure_code"`
	Destination string               `db:"destination"`
	Refunded    int64                `db:"refunded"`
	Parent      domain.PaymentID     `db:"parent_id"`
	ParentRef   string               `db:"parent_ref"`
	Hold        domain.HoldID        `db:"hold_id"`
	Transfer    domain.TransferID    `db:"transfer_id"`
	CreatedAt   time.Time            `db:"created_at"`
	UpdatedAt   time.Time            `db:"updated_at"`
}

func (r paymentRow) payment() domain.Payment {
	return domain.Payment{
		ID: r.ID, Kind: r.Kind, Owner: r.Owner, Wallet: r.Wallet, Provider: r.Provider,
		Amount: money.Money{Amount: r.Amount, Currency: r.Currency}, Fee: money.Money{Amount: r.Fee, Currency: r.Currency},
		Status: r.Status, Cause: r.Cause, ProviderRef: r.ProviderRef, FailureCode: r.FailureCode, Destination: r.Destination,
		Refunded: r.Refunded, Parent: r.Parent, ParentRef: r.ParentRef, Hold: r.Hold, Transfer: r.Transfer,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func (s *Payments) read(ctx context.Context, doing, query string, args ...any) ([]domain.Payment, error) {
	var rows []paymentRow
	if err := s.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, fault(doing, err)
	}
	ps := make([]domain.Payment, len(rows))
	for i, r := range rows {
		ps[i] = r.payment()
	}
	return ps, nil
}

const findPaymentSQL = selectPayments + `WHERE p.id = $1 AND p.owner_id = $2 AND p.kind = $3`

// Find implements ports.Payments.
func (s *Payments) Find(ctx context.Context, owner domain.OwnerID, kind domain.PaymentKind, id domain.PaymentID) (domain.Payment, error) {
	var r paymentRow
	err := one(ctx, s.db, "find payment", domain.ErrPaymentNotFound, &r, findPaymentSQL, id, owner, kind)
	return r.payment(), err
}

const betweenSQL = selectPayments + `WHERE p.provider = $1 AND p.created_at >= $2 AND p.created_at < $3 ORDER BY p.id`

// Between implements ports.Payments.
func (s *Payments) Between(ctx context.Context, provider string, from, to time.Time) ([]domain.Payment, error) {
	return s.read(ctx, "list payments", betweenSQL, provider, from, to)
}

const paymentsByIDSQL = selectPayments + `WHERE p.provider = $1 AND p.id = ANY($2)`

// ByID implements ports.Payments.
func (s *Payments) ByID(ctx context.Context, provider string, ids []domain.PaymentID) ([]domain.Payment, error) {
	known := make([]string, 0, len(ids))
	for _, id := range ids {
		if isUUID(id) { // a provider may name whatever it likes
			known = append(known, string(id))
		}
	}
	return s.read(ctx, "find payments", paymentsByIDSQL, provider, pq.Array(known))
}

// lockWalletSQL comes before whatever is done to payments and holds, as in post_group.
const lockWalletSQL = `SELECT id FROM account WHERE id = $1 FOR UPDATE`

func lockWallet(ctx context.Context, tx *sqlx.Tx, id domain.WalletID) error {
	_, err := tx.ExecContext(ctx, lockWalletSQL, id)
	return err
}

const recordSQL = `UPDATE payment SET status = $3, cause = $4, provider_ref = $5, failure_code = $6, updated_at = clock_timestamp(),
		look_at = CASE WHEN look_at <= clock_timestamp() THEN look_at -- told of meanwhile
			WHEN $7::float8 > 0 THEN clock_timestamp() + $7 * (0.9 + 0.2 * random()) * interval '1 second' END
	WHERE id = $1 AND status = $2`

const releaseHoldSQL = `SELECT release_hold($1, $2)`

// Record implements ports.Payments.
func (s *Payments) Record(ctx context.Context, from domain.PaymentStatus, p domain.Payment, next time.Duration) (bool, error) {
	done := false
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		freed := p.Hold != "" && !p.Status.Open()
		if freed {
			if err := lockWallet(ctx, tx, p.Wallet); err != nil {
				return err
			}
		}
		result, err := tx.ExecContext(ctx, recordSQL, p.ID, from, p.Status, p.Cause, p.ProviderRef, p.FailureCode, next.Seconds())
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		done = n == 1
		if err != nil || !done || !freed {
			return err
		}
		_, err = tx.ExecContext(ctx, releaseHoldSQL, p.Hold, domain.HoldVoided)
		return err
	})
	return done && err == nil, fault("record payment", err)
}

const claimSQL = `WITH due AS (
		UPDATE payment SET look_at = clock_timestamp() + $2 * interval '1 second' WHERE id IN (
			SELECT id FROM payment WHERE provider = $1 AND look_at <= clock_timestamp()
			ORDER BY look_at LIMIT $3 FOR UPDATE SKIP LOCKED
		) RETURNING id
	) ` + selectPayments + `WHERE p.id IN (SELECT id FROM due)`

// Claim implements ports.Payments.
func (s *Payments) Claim(ctx context.Context, provider string, lease time.Duration, limit int) ([]domain.Payment, error) {
	return s.read(ctx, "claim payments", claimSQL, provider, lease.Seconds(), limit)
}

const backlogSQL = `SELECT count(*) AS open, coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE status <> 'requires_action')), 0) AS oldest
	FROM payment WHERE status IN ('created', 'requires_action', 'processing')`

// Backlog returns how many payments are open, and how old the oldest is of those that wait for no payer.
func (s *Payments) Backlog(ctx context.Context) (open int, oldest time.Duration, err error) {
	var r struct {
		Open   int     `db:"open"`
		Oldest float64 `db:"oldest"` // seconds
	}
	err = s.db.GetContext(ctx, &r, backlogSQL)
	return r.Open, time.Duration(r.Oldest * float64(time.Second)), fault("count open payments", err)
}
