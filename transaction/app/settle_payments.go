package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/micropay/micropay/transaction/domain"
)

const (
	// settleAtOnce is how many payments are claimed in one go, and lookAtOnce how many of them are
	// asked about at a time.
	settleAtOnce = 16
	lookAtOnce   = 8
)

// SettlePayments asks a provider about payments that are due: whose outcome is open and were left
// alone long enough, or that a notification named. It takes each to what the provider says, and
// returns how many it looked at. While the provider cannot be reached it leaves them alone.
//
// Each provider has a caller of its own, so that a slow one holds up nobody else's payments.
func (a *App) SettlePayments(ctx context.Context, provider string) (int, error) {
	p, known := a.Providers[provider]
	if !known {
		return 0, domain.ErrProviderUnknown
	}
	if _, ready := p.Gate.Ready(); !ready {
		return 0, nil
	}
	due, err := a.Payments.Claim(ctx, provider, a.Lease, settleAtOnce)
	if err != nil {
		return 0, err
	}
	var mu sync.Mutex
	var faults []error
	var looks sync.WaitGroup
	places := make(chan struct{}, lookAtOnce)
	for _, payment := range due {
		places <- struct{}{}
		looks.Go(func() {
			defer func() { <-places }()
			if _, _, err := a.look(ctx, payment); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, err)
			}
		})
	}
	looks.Wait()
	return len(due), errors.Join(faults...)
}

// Patience is how long payments are left alone, and how long they are waited for.
type Patience struct {
	PaymentPatience time.Duration // a new one whose request may still be running
	LookAfter       time.Duration // the least between two questions about an open one
	LookWithin      time.Duration // the most, ten times that while its payer has to act
	PaymentTTL      time.Duration // a top-up whose payer does nothing is given up
	Lease           time.Duration // one that a replica is asking about, for the other replicas
	HoldTTL         time.Duration // money held for a transfer
}
