package localidp

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	housekeepingEvery = 10 * time.Minute
	keepDead          = 24 * time.Hour // dead rows are kept this long, for whoever looks into an incident
)

// What is over a day after its time.
var sweepings = []string{
	`DELETE FROM auth.session WHERE expires_at < $1`,
	`DELETE FROM auth.mailed_code WHERE expires_at < $1`,
	`DELETE FROM auth.revocation WHERE expires_at < $1`,
	`DELETE FROM auth.signing_key WHERE retires_at < $1`,
}

const sweepFailuresSQL = `DELETE FROM auth.failed_attempt WHERE last < $1`

// Run writes mail and keeps house until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	var workers sync.WaitGroup
	workers.Go(func() { p.runMail(ctx) })
	workers.Go(func() {
		tick := time.NewTicker(housekeepingEvery)
		defer tick.Stop()
		for {
			if err := p.KeepHouse(ctx); err != nil && ctx.Err() == nil {
				p.log.WarnContext(ctx, "housekeeping waits", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	workers.Wait()
}

// KeepHouse removes what is long over and renews the signing key.
func (p *Provider) KeepHouse(ctx context.Context) error {
	now := p.now()
	for _, sweep := range sweepings {
		if _, err := p.db.ExecContext(ctx, sweep, now.Add(-keepDead-p.opts.AccessTTL-p.opts.Leeway)); err != nil {
			return fmt.Errorf("keep house: %w", err)
		}
	}
	forgotten := max(p.opts.Accounts.Forget, p.opts.Networks.Forget)
	if _, err := p.db.ExecContext(ctx, sweepFailuresSQL, now.Add(-forgotten)); err != nil {
		return fmt.Errorf("keep house: %w", err)
	}
	if err := p.keys.renew(ctx); err != nil {
		return fmt.Errorf("keep house: %w", err)
	}
	return nil
}
