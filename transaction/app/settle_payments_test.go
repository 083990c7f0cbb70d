package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// due expects stripe's payments to be claimed.
func (b *bundle) due(ps ...domain.Payment) {
	b.stripe.ready(0)
	b.payments.EXPECT().Claim(gomock.Any(), "stripe", 20*time.Second, 16).Return(ps, nil)
}

func (b *bundle) settlePayments(t *testing.T, want int) error {
	t.Helper()
	n, err := b.SettlePayments(t.Context(), "stripe")
	require.Equal(t, want, n)
	return err
}

func TestSettlePayments_AsksAboutWhatIsDue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentProcessing, time.Hour)
	b.due(p)
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(charge(domain.PaymentSucceeded), nil)
	b.settles(p)
	require.NoError(t, b.settlePayments(t, 1))
}

// takesUp expects a new payment to be said to be processing before anybody asks for it.
func (b *bundle) takesUp(p domain.Payment) domain.Payment {
	taken := p
	taken.Status, taken.Cause = domain.PaymentProcessing, "carried on"
	b.records(domain.PaymentCreated, taken, 30*time.Second)
	return taken
}

func TestSettlePayments_StartsWhatTheProviderNeverHeard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentCreated, time.Hour)
	b.due(p)
	p = b.takesUp(p)
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(ports.Charge{}, ports.ErrNotKnown)
	b.stripe.EXPECT().Start(gomock.Any(), p).Return(charge(domain.PaymentSucceeded), nil)
	b.settles(p)
	require.NoError(t, b.settlePayments(t, 1))
}

func TestSettlePayments_AbandonedMeanwhile_IsNotStarted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentCreated, time.Hour)
	b.due(p)
	b.payments.EXPECT().Record(gomock.Any(), domain.PaymentCreated, gomock.Any(), gomock.Any()).Return(false, nil)
	b.payments.EXPECT().Find(gomock.Any(), p.Owner, p.Kind, p.ID).Return(intent(domain.PaymentCanceled, time.Hour), nil)
	require.NoError(t, b.settlePayments(t, 1), "who asked for it was told that nothing was done")
}

func TestSettlePayments_ToldOfButNotAnswered_StaysDue(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{errBoom, ports.ErrNothingDone} {
		b := setup(t)
		p := intent(domain.PaymentSucceeded, time.Hour)
		b.due(p)
		b.stripe.EXPECT().Look(gomock.Any(), p).Return(ports.Charge{}, answer)
		b.records(domain.PaymentSucceeded, p, 30*time.Second)
		require.NoError(t, b.settlePayments(t, 1))
	}
}

func TestSettlePayments_ProviderAway_LeavesThemAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(time.Second)
	require.NoError(t, b.settlePayments(t, 0))
}

func TestSettlePayments_NoAnswer_IsAskedAgainAfterTwiceItsAge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status domain.PaymentStatus
		age    time.Duration
		answer error
		next   time.Duration
	}{
		"young":               {domain.PaymentProcessing, time.Second, errBoom, 3 * time.Second},
		"older":               {domain.PaymentProcessing, 5 * time.Second, errBoom, 10 * time.Second},
		"old":                 {domain.PaymentProcessing, time.Hour, errBoom, 30 * time.Second},
		"waits for the payer": {domain.PaymentRequiresAction, time.Hour, errBoom, 5 * time.Minute},
		"not even asked":      {domain.PaymentProcessing, 5 * time.Second, ports.ErrNothingDone, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := intent(c.status, c.age)
			b.due(p)
			b.stripe.EXPECT().Look(gomock.Any(), p).Return(ports.Charge{}, c.answer)
			b.records(c.status, p, c.next)
			require.NoError(t, b.settlePayments(t, 1))
		})
	}
}

func TestSettlePayments_WhatThePayerApproved_IsTakenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentRequiresAction, time.Minute)
	b.due(p)
	approved := charge(domain.PaymentRequiresAction)
	approved.Approved = true
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(approved, nil)
	taking := p
	taking.Status, taking.ProviderRef, taking.Cause = domain.PaymentProcessing, "ref", "payer approved"
	b.records(domain.PaymentRequiresAction, taking, 30*time.Second)
	b.stripe.EXPECT().Capture(gomock.Any(), taking).Return(charge(domain.PaymentSucceeded), nil)
	b.settles(taking)
	require.NoError(t, b.settlePayments(t, 1))
}

func TestSettlePayments_ApprovedAfterItWasGivenUp_IsNotTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentRequiresAction, time.Minute)
	b.due(p)
	approved := charge(domain.PaymentRequiresAction)
	approved.Approved = true
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(approved, nil)
	b.payments.EXPECT().Record(gomock.Any(), domain.PaymentRequiresAction, gomock.Any(), gomock.Any()).Return(false, nil)
	b.payments.EXPECT().Find(gomock.Any(), p.Owner, p.Kind, p.ID).Return(intent(domain.PaymentCanceled, time.Minute), nil)
	require.NoError(t, b.settlePayments(t, 1))
}

func TestSettlePayments_PayerNeverCame_GivesUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentRequiresAction, 25*time.Hour)
	b.due(p)
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(charge(domain.PaymentRequiresAction), nil)
	b.stripe.EXPECT().Cancel(gomock.Any(), gomock.Any()).Return(charge(domain.PaymentCanceled), nil)
	want := p
	want.Status, want.ProviderRef, want.Cause = domain.PaymentCanceled, "ref", "provider"
	b.records(domain.PaymentRequiresAction, want, 0)
	require.NoError(t, b.settlePayments(t, 1))

	c := setup(t)
	never := intent(domain.PaymentProcessing, 25*time.Hour)
	c.due(never)
	c.stripe.EXPECT().Look(gomock.Any(), never).Return(ports.Charge{}, ports.ErrNotKnown)
	want = never
	want.Status, want.Cause = domain.PaymentCanceled, "provider"
	c.records(domain.PaymentProcessing, want, 0)
	require.NoError(t, c.settlePayments(t, 1))
}

func TestSettlePayments_GivingUp_NamesWhatTheProviderCallsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentRequiresAction, 25*time.Hour)
	b.due(p)
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(charge(domain.PaymentRequiresAction), nil)
	named := p
	named.ProviderRef = "ref" // its first answer was lost; it was found by our id
	b.stripe.EXPECT().Cancel(gomock.Any(), named).Return(charge(domain.PaymentCanceled), nil)
	b.payments.EXPECT().Record(gomock.Any(), domain.PaymentRequiresAction, gomock.Any(), time.Duration(0)).Return(true, nil)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentCanceled, time.Hour), nil)
	require.NoError(t, b.settlePayments(t, 1))
}

func TestSettlePayments_GivingUp_IsFromWaitingOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentProcessing, 25*time.Hour) // somebody may be capturing it
	b.due(p)
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(charge(domain.PaymentRequiresAction), nil)
	waiting := p
	waiting.Status, waiting.ProviderRef, waiting.Cause = domain.PaymentRequiresAction, "ref", "provider"
	b.records(domain.PaymentProcessing, waiting, 5*time.Minute)
	require.NoError(t, b.settlePayments(t, 1))
}

func TestSettlePayments_AnAnswerThatCannotBeKept_IsNone(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"\x00", "\xff", strings.Repeat("x", 256)} {
		b := setup(t)
		p := intent(domain.PaymentProcessing, time.Minute)
		b.due(p)
		c := charge(domain.PaymentFailed)
		c.FailureCode = odd
		b.stripe.EXPECT().Look(gomock.Any(), p).Return(c, nil)
		b.records(domain.PaymentProcessing, p, 30*time.Second)
		require.ErrorIs(t, b.settlePayments(t, 1), domain.ErrProviderMismatch)
	}
}

func TestSettlePayments_WhatDoesNotFit_IsNotBelieved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentProcessing, time.Minute)
	b.due(p)
	wrong := charge(domain.PaymentSucceeded)
	wrong.Amount = money.Money{Amount: 5000, Currency: "EUR"}
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(wrong, nil)
	b.records(domain.PaymentProcessing, p, 30*time.Second)
	err := b.settlePayments(t, 1)
	require.ErrorIs(t, err, domain.ErrProviderMismatch)
	require.ErrorContains(t, err, "stripe speaks of 50.00 EUR")

	c := setup(t)
	over := intent(domain.PaymentCanceled, time.Minute)
	c.due(over)
	c.stripe.EXPECT().Look(gomock.Any(), over).Return(charge(domain.PaymentSucceeded), nil)
	c.records(domain.PaymentCanceled, over, 0)
	err = c.settlePayments(t, 1)
	require.ErrorIs(t, err, domain.ErrProviderMismatch)
	require.ErrorContains(t, err, "moves it from canceled to succeeded")
}

func TestSettlePayments_OneTroubleDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	foreign, good := intent(domain.PaymentProcessing, time.Hour), intent(domain.PaymentProcessing, time.Hour)
	foreign.Provider = "gone"
	b.due(foreign, good)
	b.stripe.EXPECT().Look(gomock.Any(), gomock.Any()).Return(charge(domain.PaymentSucceeded), nil)
	b.settles(good)
	require.ErrorIs(t, b.settlePayments(t, 2), domain.ErrProviderUnknown)

	b.payments.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
	require.ErrorIs(t, b.settlePayments(t, 0), ports.ErrUnavailable)
	_, err := b.SettlePayments(t.Context(), "piggybank")
	require.ErrorIs(t, err, domain.ErrProviderUnknown)
}

func TestSettlePayments_WhatCannotBeStored_StaysDue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentRequiresAction, time.Minute)
	b.due(p)
	approved := charge(domain.PaymentRequiresAction)
	approved.Approved = true
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(approved, nil)
	b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(false, ports.ErrUnavailable)
	require.ErrorIs(t, b.settlePayments(t, 1), ports.ErrUnavailable)
}

// dispute is what the store keeps of stripe's dispute of p1.
// books expects a posting of a kind.
