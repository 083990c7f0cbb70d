package transaction

import (
	"context"
	"sync"
	"time"

	"github.com/micropay/micropay/shared/outbox"
	"github.com/micropay/micropay/shared/process"
)

const (
	expireAtOnce     = 100 // holds that are let go in one go
	recoverAtOnce    = 100 // lost disputes that are recovered in one go
	keepNotification = 30 * 24 * time.Hour
)

// Run does what nobody calls for, until ctx ends: it follows revocations, settles payments that
// are due, lets holds expire, recovers what disputes cost, relays and consumes events and forgets
// what is old. Trouble is logged and tried again.
func (s *Service) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	workers.Go(func() { s.events.Relay.Run(ctx) })
	workers.Go(func() { s.events.Consumer.Run(ctx) })
	workers.Go(func() {
		process.Every(ctx, s.log, s.cfg.RevokedPoll, "revocations not followed", func(ctx context.Context) error {
			return s.revocations.Follow(ctx, s.now())
		})
	})
	for name := range s.app.Providers { // one that hangs holds up nobody else's payments
		workers.Go(func() {
			process.Every(ctx, s.log, s.cfg.ReconcileEvery, "payments through "+name+" not settled", func(ctx context.Context) error {
				_, err := s.app.SettlePayments(ctx, name)
				return err
			})
		})
	}
	workers.Go(func() {
		process.Every(ctx, s.log, s.cfg.ReconcileEvery, "holds not expired", func(ctx context.Context) error {
			_, err := s.app.Holds.Expire(ctx, expireAtOnce)
			return err
		})
	})
	workers.Go(func() {
		process.Every(ctx, s.log, s.cfg.ReconcileEvery, "disputes not recovered", func(ctx context.Context) error {
			_, err := s.app.RecoverDisputes(ctx, recoverAtOnce)
			return err
		})
	})
	workers.Go(func() {
		process.Every(ctx, s.log, time.Hour, "house not kept", func(ctx context.Context) error {
			if _, err := s.keys.Forget(ctx, s.cfg.IdempotencyTTL); err != nil {
				return err
			}
			if err := s.payments.ForgetNotifications(ctx, keepNotification); err != nil {
				return err
			}
			if err := s.inbox.Forget(ctx, s.cfg.Events.Keep); err != nil {
				return err
			}
			return outbox.Purge(ctx, s.db, s.cfg.Events.Keep)
		})
	})
	workers.Wait()
	return nil
}
