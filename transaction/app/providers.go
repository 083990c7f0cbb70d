package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Provider is a payment provider and what is known about it.
type Provider struct {
	ports.PaymentProvider
	Gate          ports.Gate
	Notifications ports.Notifications // nil: it tells nothing by itself
	Statements    ports.Statements    // nil: it keeps no list of what it did
	Fees          domain.Fees
}

// ProviderUnavailableError is domain.ErrProviderUnavailable with the time to wait.
type ProviderUnavailableError struct{ RetryAfter time.Duration }

func (e ProviderUnavailableError) Error() string { return domain.ErrProviderUnavailable.Error() }

// Unwrap makes it a refusal: nothing was done.
func (ProviderUnavailableError) Unwrap() error { return domain.ErrProviderUnavailable }

// Availability says whether a provider can be used now.
type Availability struct {
	Provider   string
	Ready      bool
	RetryAfter time.Duration // if it is not
	Fees       domain.Fees
}

// ListProviders says which providers can be used now, in the order of their names.
func (a *App) ListProviders() []Availability {
	all := make([]Availability, 0, len(a.Providers))
	for name, p := range a.Providers {
		wait, ready := p.Gate.Ready()
		all = append(all, Availability{Provider: name, Ready: ready, RetryAfter: wait, Fees: p.Fees})
	}
	slices.SortFunc(all, func(x, y Availability) int { return cmp.Compare(x.Provider, y.Provider) })
	return all
}

// way is a provider by its name.
type way struct {
	name string
	Provider
}

// ways returns the named providers in the order wanted. Errors: domain.ErrProviderUnknown.
func (a *App) ways(names []string) ([]way, error) {
	ways := make([]way, 0, len(names))
	for _, name := range names {
		p, known := a.Providers[name]
		if !known {
			return nil, domain.ErrProviderUnknown
		}
		ways = append(ways, way{name, p})
	}
	if len(ways) == 0 {
		return nil, domain.ErrProviderUnknown
	}
	return ways, nil
}

// open drops the ways before the first one that lets calls through now.
func open(ways []way) []way {
	for i, w := range ways {
		if _, ready := w.Gate.Ready(); ready {
			return ways[i:]
		}
	}
	return nil
}

// unavailable says when the first of the ways may let calls through again.
func unavailable(ways []way) ProviderUnavailableError {
	soonest := time.Second
	for i, w := range ways {
		if wait, ready := w.Gate.Ready(); !ready && (i == 0 || wait < soonest) {
			soonest = wait
		}
	}
	return ProviderUnavailableError{RetryAfter: max(soonest, time.Second)}
}

// Notice takes what a provider tells by itself: it is proven to come from there, kept, and
// makes us ask about the payment it names. Nothing else it says is believed, so that one that is
// repeated, late or out of order does no harm.
//
// Errors: domain.ErrProviderUnknown, ports.ErrForged; after ports.ErrUnavailable it should be told again.
func (a *App) Notice(ctx context.Context, provider string, header http.Header, body []byte) error {
	p, known := a.Providers[provider]
	if !known || p.Notifications == nil {
		return domain.ErrProviderUnknown
	}
	n, err := p.Notifications.Verify(ctx, header, body)
	switch {
	case errors.Is(err, ports.ErrForged):
		return err
	case err != nil:
		return fmt.Errorf("%w: notification of %s not verified: %w", ports.ErrUnavailable, provider, err)
	}
	if n.EventID == "" || !keepable(n.EventID, n.Type, n.ProviderRef) {
		return ports.ErrForged
	}
	_, err = a.Payments.Notice(ctx, provider, n)
	return err
}

// longestText is what is kept of a provider's words, in bytes; Stripe's and PayPal's are shorter.
const longestText = 255

// keepable says that a provider's words can be stored as they are: no PostgreSQL text holds NUL.
func keepable(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool {
		return len(s) > longestText || !utf8.ValidString(s) || strings.ContainsRune(s, 0)
	})
}
