package transaction

import (
	"context"
	"sync"
	"time"

	"github.com/micropay/micropay/shared/outbox"
)

// settleAtOnce is how many pending top-ups are asked about in one go.
const settleAtOnce = 100

// Run does what nobody calls for, until ctx ends: it follows revocations, settles pending
// top-ups, relays events and forgets what is old. Trouble is logged and tried again.
func (s *Service) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	workers.Go(func() { s.relay.Run(ctx) })
	workers.Go(func() {
		s.every(ctx, s.cfg.RevokedPoll, "revocations not followed", func(ctx context.Context) error {
			return s.revocations.Follow(ctx, s.now())
		})
	})
	workers.Go(func() {
		s.every(ctx, s.cfg.ReconcileEvery, "top-ups not settled", func(ctx context.Context) error {
			_, err := s.app.SettlePayments(ctx, settleAtOnce)
			return err
		})
	})
	workers.Go(func() {
		s.every(ctx, time.Hour, "house not kept", func(ctx context.Context) error {
			if _, err := s.keys.Forget(ctx, s.cfg.IdempotencyTTL); err != nil {
				return err
			}
			return outbox.Purge(ctx, s.db, s.cfg.OutboxKeep)
		})
	})
	workers.Wait()
	return nil
}

// every calls work now and then again after each pause. The same trouble is logged once until
// it is over: a neighbour that is away for an hour is one line, not thousands.
func (s *Service) every(ctx context.Context, pause time.Duration, trouble string, work func(context.Context) error) {
	last := ""
	for {
		err := work(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != last:
			s.log.WarnContext(ctx, trouble, "error", err.Error())
			last = err.Error()
		case err == nil && last != "":
			s.log.InfoContext(ctx, "over: "+trouble)
			last = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
