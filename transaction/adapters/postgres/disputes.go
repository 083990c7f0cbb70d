package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// Disputes keeps what payers' banks take back; booking it is post_group's.
type Disputes struct{ db *sqlx.DB }

// NewDisputes keeps disputes in db.
func NewDisputes(db *sqlx.DB) *Disputes { return &Disputes{db: db} }

// blocking is true of a dispute that keeps money from leaving its wallet.
const blocking = `(status IN ('received', 'open') OR status = 'lost' AND recovered < amount)`

const selectDisputes = `SELECT d.id, d.payment_id, p.owner_id, d.account_id, d.provider, d.provider_ref, d.amount, d.currency,
	d.status, d.recovered, d.created_at FROM dispute d JOIN payment p ON p.id = d.payment_id `

type disputeRow struct {
	ID        domain.DisputeID     `db:"id"`
	Payment   domain.PaymentID     `db:"payment_id"`
	Owner     domain.OwnerID       `db:"owner_id"`
	Wallet    domain.WalletID      `db:"account_id"`
	Provider  string               `db:"provider"`
	Ref       string               `db:"provider_ref"`
	Amount    int64                `db:"amount"`
	Currency  money.Currency       `db:"currency"`
	Status    domain.DisputeStatus `db:"status"`
	Recovered int64                `db:"recovered"`
	CreatedAt time.Time            `db:"created_at"`
}

func (r disputeRow) dispute() domain.Dispute {
	return domain.Dispute{
		ID: r.ID, Payment: r.Payment, Owner: r.Owner, Wallet: r.Wallet, Provider: r.Provider, Ref: r.Ref,
		Amount: money.Money{Amount: r.Amount, Currency: r.Currency}, Status: r.Status, Recovered: r.Recovered, CreatedAt: r.CreatedAt.UTC(),
	}
}

const (
	keepDisputeSQL = `INSERT INTO dispute (id, payment_id, account_id, provider, provider_ref, amount, currency)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (provider, provider_ref) DO NOTHING`
	findDisputeSQL = selectDisputes + `WHERE d.provider = $1 AND d.provider_ref = $2`
)

// Keep implements ports.Disputes.
func (s *Disputes) Keep(ctx context.Context, d domain.Dispute) (domain.Dispute, error) {
	var r disputeRow
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, keepDisputeSQL, d.ID, d.Payment, d.Wallet, d.Provider, d.Ref, d.Amount.Amount, d.Amount.Currency)
		if err != nil {
			return err
		}
		return tx.GetContext(ctx, &r, findDisputeSQL, d.Provider, d.Ref)
	})
	return r.dispute(), fault("keep dispute", err)
}

const loseDisputeSQL = `UPDATE dispute SET status = 'lost', updated_at = clock_timestamp() WHERE id = $1 AND status = 'open'`

// Lose implements ports.Disputes.
func (s *Disputes) Lose(ctx context.Context, id domain.DisputeID) error {
	_, err := s.db.ExecContext(ctx, loseDisputeSQL, id)
	return fault("lose dispute", err)
}

const owedSQL = selectDisputes + `JOIN account a ON a.id = d.account_id
	WHERE d.status = 'lost' AND d.recovered < d.amount AND a.balance > a.held ORDER BY d.updated_at LIMIT $1`

// Owed implements ports.Disputes.
func (s *Disputes) Owed(ctx context.Context, limit int) ([]domain.Dispute, error) {
	var rows []disputeRow
	if err := s.db.SelectContext(ctx, &rows, owedSQL, limit); err != nil {
		return nil, fault("find owed disputes", err)
	}
	ds := make([]domain.Dispute, len(rows))
	for i, r := range rows {
		ds[i] = r.dispute()
	}
	return ds, nil
}
