package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/transaction/domain"
)

const (
	addKeySQL = `INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
	addPaymentSQL = `INSERT INTO payment (id, kind, owner_id, account_id, provider, amount, currency, fee, parent_id, destination, hold_id, look_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, clock_timestamp() + $12 * interval '1 second')`
)

// Add implements ports.Payments.
func (s *Payments) Add(ctx context.Context, p domain.Payment, key domain.Key, patience time.Duration) (domain.Payment, bool, error) {
	var row paymentRow
	replayed := false
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		earlier, err := useKey(ctx, tx, p.Owner, key, "payment", string(p.ID))
		if err != nil {
			return err
		}
		id := p.ID
		if replayed = earlier != ""; replayed {
			id = domain.PaymentID(earlier)
		} else if err := insertPayment(ctx, tx, p, patience); err != nil {
			return err
		}
		return one(ctx, tx, "find payment", domain.ErrPaymentNotFound, &row, findPaymentSQL, id, p.Owner, p.Kind)
	})
	if err != nil {
		return domain.Payment{}, false, fault("add payment", err)
	}
	return row.payment(), replayed, nil
}

// useKey stores a key with what it makes, or returns what it made before. It waits while another
// request is doing so. Errors: domain.ErrKeyReused.
func useKey(ctx context.Context, tx *sqlx.Tx, owner domain.OwnerID, key domain.Key, operation, resource string) (string, error) {
	added, err := tx.ExecContext(ctx, addKeySQL, owner, key.Value, operation, key.Request[:], resource)
	if err != nil {
		return "", err
	}
	if n, err := added.RowsAffected(); err != nil || n > 0 {
		return "", err
	}
	var k keyRow
	if err := tx.GetContext(ctx, &k, findKeySQL, owner, key.Value); err != nil {
		return "", err
	}
	return k.use(operation, key)
}

func insertPayment(ctx context.Context, tx *sqlx.Tx, p domain.Payment, patience time.Duration) error {
	if err := checkWallet(ctx, tx, p); err != nil {
		return err
	}
	if p.Kind == domain.PaymentRefund {
		if err := checkRefund(ctx, tx, p); err != nil {
			return err
		}
	}
	if err := holdFor(ctx, tx, &p); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, addPaymentSQL, p.ID, p.Kind, p.Owner, p.Wallet, p.Provider, p.Amount.Amount, p.Amount.Currency,
		p.Fee.Amount, orNull(p.Parent), p.Destination, orNull(p.Hold), patience.Seconds())
	return err
}

// checkWallet holds the wallet as it is until the intent is stored, so that it is not closed in
// between.
func checkWallet(ctx context.Context, tx *sqlx.Tx, p domain.Payment) error {
	var w walletRow
	err := one(ctx, tx, "lock wallet", domain.ErrWalletNotFound, &w, findWalletSQL+` FOR UPDATE`, p.Wallet, p.Owner)
	switch {
	case err != nil:
		return err
	case w.Status != domain.Active:
		return domain.ErrWalletNotActive
	case w.Currency != p.Amount.Currency:
		return domain.ErrCurrencyMismatch
	}
	return nil
}

const parentSQL = `SELECT o.status, o.amount - coalesce((SELECT sum(r.amount) FROM payment r
		WHERE r.parent_id = o.id AND r.status NOT IN ('failed', 'canceled')), 0) AS left
	FROM payment o WHERE o.id = $1 FOR UPDATE`

// checkRefund looks at the top-up once more, now that nobody else can refund it meanwhile.
func checkRefund(ctx context.Context, tx *sqlx.Tx, p domain.Payment) error {
	var parent struct {
		Status domain.PaymentStatus `db:"status"`
		Left   int64                `db:"left"`
	}
	err := one(ctx, tx, "lock top-up", domain.ErrPaymentNotFound, &parent, parentSQL, p.Parent)
	switch {
	case err != nil:
		return err
	case parent.Status == domain.PaymentDisputed:
		return domain.ErrPaymentDisputed
	case parent.Left < p.Amount.Amount:
		return domain.ErrRefundExceeds
	}
	return nil
}

const placeHoldSQL = `SELECT coalesce(place_hold($1, $2, $3, $4, $5, $6, $7, $8, $9), '')`

// holdFor holds the money of a payment that goes out, for its provider's account.
func holdFor(ctx context.Context, tx *sqlx.Tx, p *domain.Payment) error {
	if p.Kind == domain.PaymentTopUp {
		return nil
	}
	accounts, err := systemAccounts(ctx, tx, p.Provider, p.Amount.Currency)
	if err != nil {
		return err
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return err
	}
	p.Hold = domain.HoldID(fresh.String())
	held := p.Held()
	return verdict(ctx, tx, placeHoldSQL, p.Hold, p.Owner, p.Wallet, accounts.Provider, held.Amount, held.Currency,
		p.Provider+" "+string(p.Kind), nil, true)
}

// verdict calls a function that answers with the code of a refusal, or an empty text.
func verdict(ctx context.Context, q sqlx.QueryerContext, call string, args ...any) error {
	var refusal domain.Refusal
	if err := sqlx.GetContext(ctx, q, &refusal, call, args...); err != nil {
		return err
	}
	if refusal != "" {
		return refusal
	}
	return nil
}

const rerouteSQL = `SELECT coalesce(reroute_payment($1, $2, $3, $4), '')`

// Reroute implements ports.Payments.
func (s *Payments) Reroute(ctx context.Context, p domain.Payment) error {
	accounts, err := systemAccounts(ctx, s.db, p.Provider, p.Amount.Currency)
	if err != nil {
		return fault("reroute payment", err)
	}
	return fault("reroute payment", verdict(ctx, s.db, rerouteSQL, p.ID, p.Provider, p.Fee.Amount, accounts.Provider))
}

const abandonSQL = `SELECT abandon_payment($1, $2, $3)`

// Abandon implements ports.Payments.
func (s *Payments) Abandon(ctx context.Context, p domain.Payment, key domain.Key, cause string) (bool, error) {
	var done bool
	err := s.db.GetContext(ctx, &done, abandonSQL, p.ID, key.Value, cause)
	return done, fault("abandon payment", err)
}

const paymentByIDSQL = selectPayments + `WHERE p.id = $1`

// ByKey implements ports.Payments.
func (s *Payments) ByKey(ctx context.Context, owner domain.OwnerID, key domain.Key) (domain.Payment, bool, error) {
	var k keyRow
	if err := one(ctx, s.db, "find key", nil, &k, findKeySQL, owner, key.Value); err != nil {
		return domain.Payment{}, false, err
	}
	id, err := k.use("payment", key)
	if err != nil || id == "" {
		return domain.Payment{}, false, err
	}
	var r paymentRow
	err = one(ctx, s.db, "find payment", domain.ErrPaymentNotFound, &r, paymentByIDSQL, id)
	return r.payment(), err == nil, err
}
