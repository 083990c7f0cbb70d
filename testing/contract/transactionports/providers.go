package transactionports

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/shared/resilience"
	"github.com/micropay/micropay/testing/pspsim"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// ProviderWorld is a payment provider under test and the stand-in that it talks to.
type ProviderWorld struct {
	ports.PaymentProvider
	Notifications ports.Notifications
	Statements    ports.Statements
	Name          string
	Side          *pspsim.Side
	Destination   string // of withdrawals
	Nowhere       string // one that the provider refuses
}

// ProviderClient is a client with little patience that never breaks, to see each call through.
func ProviderClient(name, keyHeader string) *http.Client {
	return resilience.NewClient(resilience.Config{
		Name: name, KeyHeader: keyHeader, Timeout: 1500 * time.Millisecond, Retries: -1, MinimumCalls: 1 << 20, MaxBody: 64 << 10,
	})
}

// RunPaymentProvider holds an implementation of ports.PaymentProvider, with its notifications and
// statements, to its contract.
func RunPaymentProvider(t *testing.T, open func(t *testing.T) ProviderWorld) {
	for name, test := range map[string]func(*testing.T, ProviderWorld){
		"a top-up waits for its payer, then succeeds once":  topsUp,
		"a lost answer is found by our id":                  findsByID,
		"a top-up is given up":                              cancels,
		"a refund goes back once, never more than was paid": refunds,
		"a withdrawal is paid once":                         withdraws,
		"disputes are told":                                 tellsDisputes,
		"a provider that is away did nothing":               knowsNothingDone,
		"notifications are proven and name the payment":     verifies,
		"forged notifications are refused":                  refusesForged,
		"statements list what was done":                     listsOperations,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	for _, fault := range pspsim.Faults() {
		t.Run("whatever becomes of a call, money moves once: "+string(fault), func(t *testing.T) {
			t.Parallel()
			survives(t, open(t), fault)
		})
	}
}

func (w ProviderWorld) topUp(t *testing.T, amount money.Money) domain.Payment {
	t.Helper()
	p, err := domain.NewTopUp(domain.PaymentID(newID()), domain.OwnerID(newID()), domain.WalletID(newID()), w.Name, amount)
	require.NoError(t, err)
	p.CreatedAt = time.Now()
	return p
}

func (w ProviderWorld) withdrawal(t *testing.T, destination string) domain.Payment {
	t.Helper()
	p, err := domain.NewWithdrawal(domain.PaymentID(newID()), domain.OwnerID(newID()), domain.WalletID(newID()), w.Name, usd(4200), destination)
	require.NoError(t, err)
	p.CreatedAt = time.Now()
	return p
}

func (w ProviderWorld) start(t *testing.T, p domain.Payment) ports.Charge {
	t.Helper()
	c, err := w.Start(t.Context(), p)
	require.NoError(t, err)
	return c
}

func (w ProviderWorld) look(t *testing.T, p domain.Payment) ports.Charge {
	t.Helper()
	c, err := w.Look(t.Context(), p)
	require.NoError(t, err)
	return c
}

// captured is a top-up that was paid.
func (w ProviderWorld) captured(t *testing.T, amount money.Money) domain.Payment {
	t.Helper()
	p := w.topUp(t, amount)
	p.ProviderRef = w.start(t, p).ProviderRef
	require.NoError(t, w.Side.Pay(string(p.ID)))
	c := w.look(t, p)
	if c.Approved {
		var err error
		c, err = w.Capture(t.Context(), p)
		require.NoError(t, err)
	}
	require.Equal(t, domain.PaymentSucceeded, c.Status)
	require.Equal(t, amount, c.Amount)
	p.Status = domain.PaymentSucceeded
	return p
}

func (w ProviderWorld) moved(t *testing.T, p domain.Payment, amount int64, times int) {
	t.Helper()
	gotAmount, gotTimes := w.Side.Moved(string(p.ID))
	require.Equal(t, times, gotTimes)
	require.Equal(t, amount, gotAmount)
}

func topsUp(t *testing.T, w ProviderWorld) {
	p := w.topUp(t, money.Money{Amount: 1234, Currency: "JPY"})
	first := w.start(t, p)
	require.Equal(t, domain.PaymentRequiresAction, first.Status)
	require.False(t, first.Approved)
	require.NotEqual(t, ports.Action{}, first.Action)
	require.Equal(t, first.ProviderRef, w.start(t, p).ProviderRef, "starting twice is starting once")
	p.ProviderRef = first.ProviderRef
	require.Equal(t, domain.PaymentRequiresAction, w.look(t, p).Status)

	paid := w.captured(t, money.Money{Amount: 1234, Currency: "JPY"})
	again, err := w.Capture(t.Context(), paid)
	require.NoError(t, err)
	require.Equal(t, domain.PaymentSucceeded, again.Status, "taking twice is taking once")
	w.moved(t, paid, 1234, 1)
}

func findsByID(t *testing.T, w ProviderWorld) {
	for range 3 {
		w.start(t, w.topUp(t, usd(5)))
	}
	p := w.topUp(t, usd(900))
	_, err := w.Look(t.Context(), p)
	require.ErrorIs(t, err, ports.ErrNotKnown)
	w.Side.Fault(pspsim.ResetAfter, -1, pspsim.Post) // net/http repeats a call with a key by itself
	_, err = w.Start(t.Context(), p)
	w.Side.Heal()
	require.Error(t, err)
	require.NotErrorIs(t, err, ports.ErrNothingDone)
	c, err := w.Look(t.Context(), p)
	if err != nil { // a provider that cannot be asked by our id repeats its first answer
		require.ErrorIs(t, err, ports.ErrNotKnown)
		c = w.start(t, p)
	}
	require.Equal(t, domain.PaymentRequiresAction, c.Status)
	require.NotEmpty(t, c.ProviderRef)
	n := 0
	for _, o := range w.Side.Truth() {
		if o.PaymentID == string(p.ID) {
			n++
		}
	}
	require.Equal(t, 1, n)
}

func cancels(t *testing.T, w ProviderWorld) {
	p := w.topUp(t, usd(900))
	p.ProviderRef = w.start(t, p).ProviderRef
	c, err := w.Cancel(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, domain.PaymentCanceled, c.Status)
	require.Equal(t, usd(900), c.Amount)

	paid := w.captured(t, usd(900))
	c, err = w.Cancel(t.Context(), paid)
	require.NoError(t, err)
	require.Equal(t, domain.PaymentSucceeded, c.Status, "too late")
}

func (w ProviderWorld) refund(t *testing.T, p domain.Payment, amount money.Money) domain.Payment {
	t.Helper()
	r, err := p.Refund(domain.PaymentID(newID()), &amount)
	require.NoError(t, err)
	r.CreatedAt = time.Now()
	return r
}

func refunds(t *testing.T, w ProviderWorld) {
	top := w.captured(t, usd(1000))
	part := w.refund(t, top, usd(400))
	_, err := w.Look(t.Context(), part)
	require.ErrorIs(t, err, ports.ErrNotKnown)
	for range 2 {
		c := w.start(t, part)
		require.Equal(t, domain.PaymentSucceeded, c.Status)
		require.Equal(t, usd(400), c.Amount)
		part.ProviderRef = c.ProviderRef
	}
	w.moved(t, part, 400, 1)
	require.Equal(t, domain.PaymentSucceeded, w.look(t, part).Status)
	part.ProviderRef = "" // as if its answer had been lost
	require.Equal(t, domain.PaymentSucceeded, w.look(t, part).Status, "found by our id")
	more := w.start(t, w.refund(t, top, usd(601)))
	require.Equal(t, domain.PaymentFailed, more.Status)
	require.NotEmpty(t, more.FailureCode)
	require.Equal(t, domain.PaymentSucceeded, w.look(t, top).Status, "given back in part, it was paid all the same")
	require.Equal(t, usd(1000), w.look(t, top).Amount)
}

func withdraws(t *testing.T, w ProviderWorld) {
	p := w.withdrawal(t, w.Destination)
	first := w.start(t, p)
	second := w.start(t, p)
	require.Equal(t, first.ProviderRef, second.ProviderRef)
	p.ProviderRef = first.ProviderRef
	c := w.look(t, p)
	require.Equal(t, domain.PaymentSucceeded, c.Status)
	require.Equal(t, usd(4200), c.Amount)
	w.moved(t, p, 4200, 1)

	refused := w.start(t, w.withdrawal(t, w.Nowhere))
	require.Equal(t, domain.PaymentFailed, refused.Status)
	require.NotEmpty(t, refused.FailureCode)
	require.Equal(t, usd(4200), refused.Amount)
}

func tellsDisputes(t *testing.T, w ProviderWorld) {
	p := w.captured(t, usd(1000))
	require.Empty(t, w.look(t, p).Disputes)
	won, err := w.Side.Dispute(string(p.ID), 300)
	require.NoError(t, err)
	require.Equal(t, []domain.DisputeNotice{{Ref: won, Amount: usd(300), Status: domain.DisputeOpen}}, w.look(t, p).Disputes)
	lost, err := w.Side.Dispute(string(p.ID), 200)
	require.NoError(t, err)
	require.NoError(t, w.Side.CloseDispute(won, true))
	require.NoError(t, w.Side.CloseDispute(lost, false))
	require.ElementsMatch(t, []domain.DisputeNotice{
		{Ref: won, Amount: usd(300), Status: domain.DisputeWon}, {Ref: lost, Amount: usd(200), Status: domain.DisputeLost},
	}, w.look(t, p).Disputes)
}

func knowsNothingDone(t *testing.T, w ProviderWorld) {
	p := w.withdrawal(t, w.Destination)
	for _, f := range []pspsim.Fault{pspsim.Unauthorized, pspsim.RateLimited} { // the last asks to be left alone for a second
		w.Side.Fault(f, 2, pspsim.Post)
		_, err := w.Start(t.Context(), p)
		require.ErrorIs(t, err, ports.ErrNothingDone, f)
		w.Side.Heal()
	}
	w.Side.Down()
	require.Eventually(t, func() bool { // a connection from before may break first
		_, err := w.Start(t.Context(), p)
		return errors.Is(err, ports.ErrNothingDone)
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, w.Side.Up())
	require.Equal(t, domain.PaymentSucceeded, w.succeed(t, p).Status)
}

// succeed asks as the platform does until the outcome is known.
func (w ProviderWorld) succeed(t *testing.T, p domain.Payment) (c ports.Charge) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		if c, err = w.Look(t.Context(), p); err != nil {
			c, err = w.Start(t.Context(), p)
		}
		if err == nil {
			p.ProviderRef = c.ProviderRef
		}
		return err == nil && !c.Status.Open() && p.Wants(c.Amount)
	}, 10*time.Second, 10*time.Millisecond)
	return c
}

func survives(t *testing.T, w ProviderWorld, fault pspsim.Fault) {
	p := w.withdrawal(t, w.Destination)
	w.Side.Fault(fault, 1, pspsim.Post)
	c, err := w.Start(t.Context(), p)
	w.Side.Heal()
	switch {
	case fault == pspsim.BadRequest || fault == pspsim.Declined:
		require.NoError(t, err)
		require.Equal(t, domain.PaymentFailed, c.Status)
		w.moved(t, p, 0, 0)
		return
	case err == nil && c.Status == domain.PaymentSucceeded:
		require.True(t, fault.Acts())
		require.Equal(t, fault != pspsim.WrongAmount, p.Wants(c.Amount))
	case fault.Acts():
		require.NotErrorIs(t, err, ports.ErrNothingDone, "it was done")
		require.NotEqual(t, domain.PaymentFailed, c.Status)
	}
	require.Equal(t, domain.PaymentSucceeded, w.succeed(t, p).Status)
	w.moved(t, p, 4200, 1)
}

func verifies(t *testing.T, w ProviderWorld) {
	p := w.captured(t, usd(1000))
	ref, err := w.Side.Dispute(string(p.ID), 300)
	require.NoError(t, err)
	require.NoError(t, w.Side.CloseDispute(ref, true))
	events := w.Side.Events()
	require.GreaterOrEqual(t, len(events), 3)
	for _, e := range events {
		n, err := w.Notifications.Verify(t.Context(), w.Side.Header(e, pspsim.Signing{}), e.Body)
		require.NoError(t, err, e.Type)
		require.Equal(t, []string{e.ID, e.Type}, []string{n.EventID, n.Type})
		require.True(t, n.Payment == p.ID || n.ProviderRef == p.ProviderRef, "%s names it", e.Type)
	}
	foreign := w.Side.Foreign("something.new", map[string]any{"id": "x", "object": "unheard of"})
	n, err := w.Notifications.Verify(t.Context(), w.Side.Header(foreign, pspsim.Signing{}), foreign.Body)
	require.NoError(t, err)
	require.Equal(t, ports.Notification{EventID: foreign.ID, Type: "something.new"}, n)
}

func refusesForged(t *testing.T, w ProviderWorld) {
	p := w.captured(t, usd(1000))
	e := w.Side.Events()[0]
	good := w.Side.Header(e, pspsim.Signing{})
	forged := func(header http.Header, body []byte) {
		t.Helper()
		_, err := w.Notifications.Verify(t.Context(), header, body)
		require.ErrorIs(t, err, ports.ErrForged)
	}
	forged(http.Header{}, e.Body)
	forged(good, append([]byte(" "), append(e.Body[:len(e.Body)-1:len(e.Body)-1], []byte(`,"more":1}`)...)...))
	forged(good, nil)
	for name := range good {
		if name == "Content-Type" || name == "Paypal-Auth-Algo" || name == "Paypal-Cert-Url" {
			continue
		}
		for _, value := range []string{"", "garbage", good.Get(name) + "x", "t=1,v1=00"} {
			bad := good.Clone()
			bad.Set(name, value)
			forged(bad, e.Body)
		}
	}
	w.moved(t, p, 1000, 1)
}

func listsOperations(t *testing.T, w ProviderWorld) {
	p := w.captured(t, usd(1000))
	r := w.refund(t, p, usd(400))
	w.start(t, r)
	out := w.withdrawal(t, w.Destination)
	w.start(t, out)
	require.NoError(t, w.Side.RefundOutside(string(p.ID), 5))
	type line struct {
		kind   domain.PaymentKind
		amount money.Money
		status domain.PaymentStatus
	}
	got := map[domain.PaymentID]line{}
	for op, err := range w.Statements.Operations(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)) {
		require.NoError(t, err)
		require.NotEmpty(t, op.Ref)
		require.WithinDuration(t, time.Now(), op.CreatedAt, time.Minute)
		got[op.Payment] = line{op.Kind, op.Amount, op.Status}
	}
	require.Equal(t, map[domain.PaymentID]line{
		p.ID:   {domain.PaymentTopUp, usd(1000), domain.PaymentSucceeded},
		r.ID:   {domain.PaymentRefund, usd(400), domain.PaymentSucceeded},
		out.ID: {domain.PaymentWithdrawal, usd(4200), domain.PaymentSucceeded},
		"":     {domain.PaymentRefund, usd(5), domain.PaymentSucceeded},
	}, got)
	for op, err := range w.Statements.Operations(t.Context(), time.Now().Add(-3*time.Hour), time.Now().Add(-2*time.Hour)) {
		t.Errorf("nothing was done then: %v, %v", op, err)
	}
	w.Side.Down()
	broken := false
	for _, err := range w.Statements.Operations(t.Context(), time.Now().Add(-time.Hour), time.Now()) {
		broken = broken || err != nil
	}
	require.True(t, broken, "half a list says so")
}
