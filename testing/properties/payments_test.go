package properties_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/testing/torture"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// crashing is the stores of a process that dies now and then: before a write, or right after it,
// when nobody hears of it any more. What is left undone is somebody else's to carry on.
type crashing struct {
	ports.Payments
	dies func() bool
}

func (c crashing) Record(ctx context.Context, from domain.PaymentStatus, p domain.Payment, next time.Duration) (bool, error) {
	if c.dies() {
		return false, ports.ErrUnavailable
	}
	done, err := c.Payments.Record(ctx, from, p, next)
	if c.dies() {
		return false, ports.ErrUnavailable
	}
	return done, err
}

type crashingLedger struct {
	ports.Ledger
	dies func() bool
}

func (c crashingLedger) Post(ctx context.Context, group []domain.Posting) ([]ports.Posted, error) {
	if c.dies() {
		return nil, ports.ErrUnavailable
	}
	posted, err := c.Ledger.Post(ctx, group)
	if c.dies() {
		return nil, ports.ErrUnavailable
	}
	return posted, err
}

// chaos is people, a provider and a process that dies, and what may be done in any order.
type chaos struct {
	*app.App
	provider *modelProvider
	owners   []domain.OwnerID
	wallets  []domain.WalletID

	mu     sync.Mutex
	topUps []domain.PaymentID
	asked  map[domain.PaymentID]domain.Payment
	holds  []domain.HoldID
}

const opening = 100_000 // what each wallet holds at first

// step does one thing at random. Refusals and unknown outcomes are what happens; anything else is
// a fault.
func (c *chaos) step(ctx context.Context, r *rand.Rand) error {
	i, j := r.IntN(len(c.owners)), r.IntN(len(c.owners))
	amount := usd(1 + r.Int64N(2000))
	caller := domain.Caller{ID: c.owners[i]}
	var err error
	switch r.IntN(12) {
	case 0, 1:
		var p app.PaymentReceipt
		p, err = c.TopUp(ctx, app.TopUpCommand{Owner: c.owners[i], Wallet: c.wallets[i], Amount: amount, Providers: []string{"model"}, Key: key(uuid.NewString())})
		c.keep(p.Payment, err)
	case 2:
		var p app.PaymentReceipt
		p, err = c.Withdraw(ctx, app.WithdrawCommand{
			Owner: c.owners[i], Wallet: c.wallets[i], Amount: amount, Providers: []string{"model"}, Destination: "there", Key: key(uuid.NewString()),
		})
		c.keep(p.Payment, err)
	case 3:
		if top := c.any(r); top.ID != "" {
			var p app.PaymentReceipt
			p, err = c.Refund(ctx, app.RefundCommand{Owner: top.Owner, TopUp: top.ID, Amount: &amount, Key: key(uuid.NewString())})
			c.keep(p.Payment, err)
		}
	case 4:
		if top := c.any(r); top.ID != "" {
			_, err = c.ConfirmTopUp(ctx, top.Owner, top.ID)
		}
	case 5:
		_, err = c.SettlePayments(ctx, "model")
	case 6, 7:
		if id := c.provider.world(); id != "" && r.IntN(2) == 0 { // it may be told, or not
			err = c.Notice(ctx, "model", nil, []byte(id))
		}
	case 8:
		_, err = c.RecoverDisputes(ctx, 10)
	case 9:
		_, err = c.Transfer(ctx, app.TransferCommand{Caller: caller, From: c.wallets[i], To: c.wallets[j], Amount: amount, Key: key(uuid.NewString())})
	case 10:
		var h domain.HoldReceipt
		h, err = c.HoldTransfer(ctx, app.TransferCommand{Caller: caller, From: c.wallets[i], To: c.wallets[j], Amount: amount, Key: key(uuid.NewString())})
		if err == nil {
			c.mu.Lock()
			c.holds = append(c.holds, h.ID)
			c.mu.Unlock()
		}
	case 11:
		err = c.endHold(ctx, r, caller)
	}
	var refusal domain.Refusal
	if errors.As(err, &refusal) || errors.Is(err, ports.ErrUnavailable) {
		return nil
	}
	return err
}

func (c *chaos) keep(p domain.Payment, err error) {
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[p.ID] = p
	if p.Kind == domain.PaymentTopUp {
		c.topUps = append(c.topUps, p.ID)
	}
}

// any is one of the top-ups that were answered.
func (c *chaos) any(r *rand.Rand) domain.Payment {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.topUps) == 0 {
		return domain.Payment{}
	}
	return c.asked[c.topUps[r.IntN(len(c.topUps))]]
}

func (c *chaos) endHold(ctx context.Context, r *rand.Rand, caller domain.Caller) error {
	c.mu.Lock()
	if len(c.holds) == 0 {
		c.mu.Unlock()
		return nil
	}
	id := c.holds[r.IntN(len(c.holds))]
	c.mu.Unlock()
	if r.IntN(2) == 0 {
		_, err := c.VoidHold(ctx, caller, id)
		return err
	}
	_, err := c.CaptureHold(ctx, caller, id, nil, key(uuid.NewString()))
	return err
}

// Any interleaving of payments, refunds, withdrawals, disputes, holds, notifications, lost answers
// and crashes ends with the money where the provider says it is.
func TestPayments_AnyInterleaving_EndsWhereTheProviderIs(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	a, db := core(t)
	a.PaymentPatience = 20 * time.Millisecond // a process that died is carried on from soon
	var quiet atomic.Bool
	var deaths atomic.Int64
	dies := func() bool {
		if quiet.Load() || rand.IntN(30) > 0 {
			return false
		}
		deaths.Add(1)
		return true
	}
	provider := newModelProvider(seed)
	a.Providers["model"] = app.Provider{PaymentProvider: provider, Gate: provider, Notifications: provider}
	c := &chaos{App: a, provider: provider, asked: map[domain.PaymentID]domain.Payment{}}
	c.people(t, 6)
	a.Payments = crashing{a.Payments, dies}
	a.Ledger = crashingLedger{a.Ledger, dies}
	a.Postings = app.NewGroupCommitter(a.Ledger, 64, 10*time.Second)

	const workers = 8
	steps := 2_500 * torture.Times()
	var wg sync.WaitGroup
	for n := range uint64(workers) {
		r := rand.New(rand.NewPCG(seed, 2+n))
		wg.Go(func() {
			for range steps / workers {
				if err := c.step(context.Background(), r); err != nil && !errors.Is(err, domain.ErrProviderMismatch) {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	quiet.Store(true)
	for _, id := range provider.heal() {
		require.NoError(t, c.Notice(t.Context(), "model", nil, []byte(id)))
	}
	require.Eventually(t, func() bool {
		provider.heal() // what was asked for only now has payers, too
		n, err := c.SettlePayments(t.Context(), "model")
		if err != nil {
			t.Errorf("%v", err)
		}
		open := -1
		_ = db.Admin.GetContext(t.Context(), &open, // what cannot be counted is not 0
			`SELECT count(*) FROM transaction.payment WHERE provider = 'model'
			AND (status IN ('created', 'requires_action', 'processing') OR look_at < now() + interval '10 minutes')`)
		return n == 0 && open == 0
	}, time.Minute, time.Millisecond)
	c.agree(t)
	requireClean(t, db.Admin)
	t.Logf("%d steps, %d payments at the provider, %d crashes", steps, len(provider.charges), deaths.Load())
}

func (c *chaos) people(t *testing.T, n int) {
	t.Helper()
	for range n {
		owner := domain.OwnerID(uuid.NewString())
		w, err := c.OpenWallet(t.Context(), owner, "USD", "w")
		require.NoError(t, err)
		_, err = c.TopUp(t.Context(), app.TopUpCommand{Owner: owner, Wallet: w.ID, Amount: usd(opening), Providers: []string{"sandbox"}, Key: key(uuid.NewString())})
		require.NoError(t, err)
		c.owners, c.wallets = append(c.owners, owner), append(c.wallets, w.ID)
	}
}

// agree holds each payment against what the provider did for it.
func (c *chaos) agree(t *testing.T) {
	t.Helper()
	for id, charge := range c.provider.charges {
		p := charge.payment
		stored, err := c.Payments.Find(t.Context(), p.Owner, p.Kind, id)
		require.NoError(t, err)
		require.Equal(t, charge.status == domain.PaymentSucceeded, stored.Status.Settled(), "%s %s: %s there, %s here", p.Kind, id, charge.status, stored.Status)
		require.LessOrEqual(t, charge.times, 1)
		if p.Kind == domain.PaymentTopUp {
			require.Equal(t, charge.refunded, stored.Refunded, "%s %s", p.Kind, id)
		}
		lost := len(charge.disputes) > 0 && charge.disputes[0].Status != domain.DisputeWon
		require.Equal(t, lost, stored.Status == domain.PaymentDisputed, "%s %s is %s", p.Kind, id, stored.Status)
	}
	for id, p := range c.asked { // nothing was said to have moved that did not
		if p.Status.Settled() {
			require.Equal(t, 1, c.provider.charges[id].times)
		}
	}
}

func usd(amount int64) money.Money { return money.Money{Amount: amount, Currency: "USD"} }
