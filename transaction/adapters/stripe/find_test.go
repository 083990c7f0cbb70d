package stripe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pspsim"
	"github.com/micropay/micropay/transaction/adapters/stripe"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// busy is a Stripe at which an intent is made every so many seconds, day and night until now, and one
// of them at a certain second. It lists the newest first, in pages (docs.stripe.com/api/pagination).
type busy struct {
	every, ours int64 // seconds; since 1970
	wanted      domain.Payment
	pages       atomic.Int64
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.pages.Add(1)
	q := r.URL.Query()
	number := func(name string, otherwise int64) int64 {
		n, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil {
			return otherwise
		}
		return n
	}
	from, to := number("created[gte]", 0), min(number("created[lt]", 1<<40), time.Now().Unix()+1)
	if after := q.Get("starting_after"); after != "" {
		last, _ := strconv.ParseInt(after[len("pi_"):], 10, 64)
		to = min(to, last)
	}
	page, limit := []any{}, int(number("limit", 10))
	for second := to - 1; second >= from && len(page) < limit; second-- {
		id := "another"
		if second == b.ours {
			id = string(b.wanted.ID)
		}
		if second == b.ours || second%b.every == 0 {
			page = append(page, map[string]any{
				"id": fmt.Sprintf("pi_%d", second), "object": "payment_intent", "status": "processing", "created": second,
				"amount": b.wanted.Amount.Amount, "currency": "usd", "metadata": map[string]string{"payment_id": id},
			})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "url": r.URL.Path, "data": page, "has_more": len(page) == limit})
}

func (b *busy) open(t *testing.T) *stripe.Provider {
	t.Helper()
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	return provider(s.URL)
}

func TestStripe_LostTopUp_IsFoundHoweverManyCameAfter(t *testing.T) {
	t.Parallel()
	for _, startedAfter := range []time.Duration{-time.Minute, 2 * time.Second, 4 * time.Minute, time.Hour, 20 * time.Hour} {
		b := &busy{every: 15, wanted: payment(domain.PaymentTopUp)}
		b.wanted.CreatedAt = time.Now().Add(-40 * time.Hour)
		b.ours = b.wanted.CreatedAt.Add(startedAfter).Unix()
		c, err := b.open(t).Look(t.Context(), b.wanted)
		require.NoError(t, err, startedAfter)
		require.Equal(t, fmt.Sprintf("pi_%d", b.ours), c.ProviderRef)
	}
}

func TestStripe_NewTopUp_IsMissedAtOneGlance(t *testing.T) {
	t.Parallel()
	b := &busy{every: 15, wanted: payment(domain.PaymentTopUp)}
	b.wanted.CreatedAt = time.Now().Add(-time.Minute)
	_, err := b.open(t).Look(t.Context(), b.wanted)
	require.ErrorIs(t, err, ports.ErrNotKnown)
	require.EqualValues(t, 1, b.pages.Load())
}

// More than can be looked through is no proof that it is not there.
func TestStripe_TopUpAmongTooMany_IsNotSaidToBeMissing(t *testing.T) {
	t.Parallel()
	b := &busy{every: 1, wanted: payment(domain.PaymentTopUp)}
	b.wanted.CreatedAt = time.Now().Add(-40 * time.Hour)
	_, err := b.open(t).Look(t.Context(), b.wanted)
	require.Error(t, err)
	require.NotErrorIs(t, err, ports.ErrNotKnown)
}

func TestStripe_LostTopUp_ThatWasPaid_IsFoundWithItsDisputes(t *testing.T) {
	t.Parallel()
	side := pspsim.New(t).Stripe
	p := provider(side.URL())
	lost := payment(domain.PaymentTopUp)
	_, err := p.Start(t.Context(), lost)
	require.NoError(t, err)
	require.NoError(t, side.Pay(string(lost.ID)))
	ref, err := side.Dispute(string(lost.ID), 300)
	require.NoError(t, err)
	c, err := p.Look(t.Context(), lost)
	require.NoError(t, err)
	require.Equal(t, domain.PaymentSucceeded, c.Status)
	require.Len(t, c.Disputes, 1)
	require.Equal(t, ref, c.Disputes[0].Ref)
}

func TestStripe_OldTopUp_ThatWasNeverMade_IsNotKnown(t *testing.T) {
	t.Parallel()
	b := &busy{every: 60, wanted: payment(domain.PaymentTopUp)}
	b.wanted.CreatedAt = time.Now().Add(-72 * time.Hour)
	_, err := b.open(t).Look(t.Context(), b.wanted)
	require.ErrorIs(t, err, ports.ErrNotKnown)
}
