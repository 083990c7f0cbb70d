package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

const (
	// A provider names a payment by our id or by its own; it speaks of its own payments only.
	noticedSQL = `SELECT coalesce((SELECT id::text FROM payment WHERE provider = $1
		AND (id = $2 OR provider_ref = $3 AND $3 <> '') ORDER BY id = $2 DESC LIMIT 1), '')`
	addNotificationSQL = `INSERT INTO notification (provider, event_id, type, payment_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	makeDueSQL         = `UPDATE payment SET look_at = clock_timestamp() WHERE id = $1`
)

// Notice implements ports.Payments. The notification and what it makes due are one commit.
func (s *Payments) Notice(ctx context.Context, provider string, n ports.Notification) (bool, error) {
	news := false
	err := database.InTx(ctx, s.db, nil, func(tx *sqlx.Tx) error {
		var named any
		if isUUID(n.Payment) {
			named = string(n.Payment)
		}
		var id domain.PaymentID
		if err := tx.GetContext(ctx, &id, noticedSQL, provider, named, n.ProviderRef); err != nil {
			return err
		}
		added, err := tx.ExecContext(ctx, addNotificationSQL, provider, n.EventID, n.Type, orNull(id))
		if err != nil {
			return err
		}
		rows, err := added.RowsAffected()
		news = rows == 1 && id != ""
		if err != nil || !news {
			return err
		}
		_, err = tx.ExecContext(ctx, makeDueSQL, id)
		return err
	})
	return news && err == nil, fault("notice", err)
}

const forgetNotificationsSQL = `DELETE FROM notification WHERE received_at < clock_timestamp() - $1 * interval '1 second'`

// ForgetNotifications drops what was told longer than age ago: a provider that tells it once
// more makes us look once more, which is harmless.
func (s *Payments) ForgetNotifications(ctx context.Context, age time.Duration) error {
	_, err := s.db.ExecContext(ctx, forgetNotificationsSQL, age.Seconds())
	return fault("forget notifications", err)
}

func isUUID[T ~string](s T) bool {
	_, err := uuid.Parse(string(s))
	return err == nil && len(s) == 36
}
