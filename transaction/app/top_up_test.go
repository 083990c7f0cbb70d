package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func topUp(providers ...string) app.TopUpCommand {
	if len(providers) == 0 {
		providers = []string{"stripe"}
	}
	return app.TopUpCommand{Owner: "alice", Wallet: "w1", Amount: usd(5000), Providers: providers, Key: key("k1")}
}

// intent is the stored top-up in some status, made some time ago.
func intent(status domain.PaymentStatus, ago time.Duration) domain.Payment {
	p := domain.Payment{
		ID: "p1", Kind: domain.PaymentTopUp, Owner: "alice", Wallet: "w1", Provider: "stripe", Amount: usd(5000), Fee: usd(0),
		Status: status, CreatedAt: noon.Add(-ago), UpdatedAt: noon.Add(-ago),
	}
	if status.Settled() {
		p.Transfer, p.ProviderRef = "t1", "ref"
	}
	return p
}

// charge is what a provider says about it.
func charge(status domain.PaymentStatus) ports.Charge {
	return ports.Charge{Status: status, ProviderRef: "ref", Amount: usd(5000)}
}

func moved() domain.Transfer {
	return domain.Transfer{ID: "t1", Kind: domain.KindTopUp, From: "sys", To: "w1", ToOwner: "alice", Amount: usd(5000), CreatedAt: noon}
}

// adds expects an intent to be stored, and answers with p.
func (b *bundle) adds(p domain.Payment, replayed bool) {
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), key("k1"), time.Minute).Return(p, replayed, nil)
}

// records expects a payment to be stored from a status, and to be found like that.
func (b *bundle) records(from domain.PaymentStatus, want domain.Payment, next time.Duration) {
	b.payments.EXPECT().Record(gomock.Any(), from, want, next).Return(true, nil)
	b.payments.EXPECT().Find(gomock.Any(), want.Owner, want.Kind, want.ID).Return(want, nil)
}

// settles expects the provider's reference to be stored, and the ledger to take the settlement of p.
func (b *bundle) settles(p domain.Payment) {
	withRef := p
	withRef.ProviderRef = "ref"
	if p.ProviderRef != "ref" {
		b.payments.EXPECT().Record(gomock.Any(), p.Status, withRef, gomock.Any()).Return(true, nil)
	}
	b.ledger.EXPECT().Accounts(gomock.Any(), p.Provider, money.Currency("USD")).Return(domain.Accounts{Provider: "sys", Fees: "fees"}, nil)
	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).DoAndReturn(func(_ context.Context, group []domain.Posting) ([]ports.Posted, error) {
		if len(group) != 1 || group[0].Payment != p.ID || group[0].Amount != p.Amount {
			return nil, errBoom
		}
		return posted(ports.Posted{}), nil
	})
	done := intent(domain.PaymentSucceeded, 0)
	done.Kind, done.Provider, done.Fee = p.Kind, p.Provider, p.Fee
	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), p.Kind, p.ID).Return(done, nil)
}

func (b *bundle) receipt() {
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("t1")).Return(moved(), nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), moved(), domain.WalletID("w1")).Return(usd(5700), nil)
}

func TestTopUp_StoresTheIntentThenAsksThenCredits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	gomock.InOrder(
		b.payments.EXPECT().Add(gomock.Any(), domain.Payment{
			ID: "id1", Kind: domain.PaymentTopUp, Owner: "alice", Wallet: "w1", Provider: "stripe", Amount: usd(5000), Fee: usd(0),
			Status: domain.PaymentCreated,
		}, key("k1"), time.Minute).Return(intent(domain.PaymentCreated, 0), false, nil),
		b.stripe.EXPECT().Start(gomock.Any(), intent(domain.PaymentCreated, 0)).Return(charge(domain.PaymentSucceeded), nil),
	)
	b.settles(intent(domain.PaymentCreated, 0))
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	balance := usd(5700)
	require.Equal(t, app.PaymentReceipt{Payment: intent(domain.PaymentSucceeded, 0), Balance: &balance}, r)
}

func TestTopUp_PayerMustAct_SaysHowAndWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, 0), false)
	c := charge(domain.PaymentRequiresAction)
	c.Action.ClientSecret = "for the payer's browser"
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(c, nil)
	want := intent(domain.PaymentRequiresAction, 0)
	want.ProviderRef, want.Cause = "ref", "provider"
	b.records(domain.PaymentCreated, want, 3*time.Second)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.Equal(t, app.PaymentReceipt{Payment: want, Action: c.Action}, r)
}

func TestTopUp_Declined_MovesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, 0), false)
	c := charge(domain.PaymentFailed)
	c.FailureCode = "card_declined"
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(c, nil)
	want := intent(domain.PaymentFailed, 0)
	want.ProviderRef, want.FailureCode, want.Cause = "ref", "card_declined", "provider"
	b.records(domain.PaymentCreated, want, 0)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.Equal(t, app.PaymentReceipt{Payment: want}, r)
}

func TestTopUp_UnknownOutcome_StaysProcessing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, 0), false)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, errBoom)
	want := intent(domain.PaymentProcessing, 0)
	want.Cause = "no answer"
	b.records(domain.PaymentCreated, want, 3*time.Second)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err, "an open outcome is no failure")
	require.Equal(t, domain.PaymentProcessing, r.Status)
}

func TestTopUp_OutlivesItsClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	ctx, hangUp := context.WithCancel(t.Context())
	b.adds(intent(domain.PaymentCreated, 0), false)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).DoAndReturn(func(ctx context.Context, _ domain.Payment) (ports.Charge, error) {
		hangUp()
		return charge(domain.PaymentSucceeded), ctx.Err()
	})
	b.settles(intent(domain.PaymentCreated, 0))
	b.receipt()
	r, err := b.TopUp(ctx, topUp())
	require.NoError(t, err)
	require.Equal(t, domain.PaymentSucceeded, r.Status)
}

func TestTopUp_SameKeyAgain_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentSucceeded, 0), true)
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.True(t, r.Replayed)
}

func TestTopUp_SameKeyWhileTheProviderIsAway_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(time.Minute)
	b.payments.EXPECT().ByKey(gomock.Any(), domain.OwnerID("alice"), key("k1")).Return(intent(domain.PaymentSucceeded, 0), true, nil)
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.True(t, r.Replayed)
}

func TestTopUp_SameKeyWhileTheFirstRuns_IsInProgress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, 59*time.Second), true)
	_, err := b.TopUp(t.Context(), topUp())
	require.ErrorIs(t, err, domain.ErrKeyInProgress)
}

func TestTopUp_SameKeyAfterACrash_IsCarriedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, time.Minute), true)
	taken := b.takesUp(intent(domain.PaymentCreated, time.Minute))
	b.stripe.EXPECT().Look(gomock.Any(), taken).Return(ports.Charge{}, ports.ErrNotKnown)
	b.stripe.EXPECT().Start(gomock.Any(), taken).Return(charge(domain.PaymentSucceeded), nil)
	b.settles(taken)
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.True(t, r.Replayed)
	require.Equal(t, domain.PaymentSucceeded, r.Status)
}

func TestTopUp_SameKeyWhileThePayerActs_SaysHowAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	waiting := intent(domain.PaymentRequiresAction, time.Minute)
	b.adds(waiting, true)
	c := charge(domain.PaymentRequiresAction)
	c.Action.ClientSecret = "for the payer's browser"
	b.stripe.EXPECT().Look(gomock.Any(), gomock.Any()).Return(c, nil)
	waiting.ProviderRef, waiting.Cause = "ref", "provider"
	b.records(domain.PaymentRequiresAction, waiting, 2*time.Minute)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.Equal(t, c.Action, r.Action)
	require.True(t, r.Replayed)
}

func TestTopUp_Refused_AsksNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.paypal.ready(0)
	_, err := b.TopUp(t.Context(), topUp("piggybank"))
	require.ErrorIs(t, err, domain.ErrProviderUnknown)
	none := topUp()
	none.Providers = nil
	_, err = b.TopUp(t.Context(), none)
	require.ErrorIs(t, err, domain.ErrProviderUnknown)

	nothing := topUp()
	nothing.Amount.Amount = 0
	_, err = b.TopUp(t.Context(), nothing)
	require.ErrorAs(t, err, new(domain.Invalid))

	little := topUp("paypal")
	little.Amount.Amount = 30
	_, err = b.TopUp(t.Context(), little)
	require.ErrorIs(t, err, domain.ErrFeeExceedsAmount)

	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, false, domain.ErrWalletNotActive)
	_, err = b.TopUp(t.Context(), topUp())
	require.ErrorIs(t, err, domain.ErrWalletNotActive)
}

func TestTopUp_WhatCannotBeWritten_IsLeftForLater(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(b *bundle){
		"reference not stored": func(b *bundle) {
			b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(charge(domain.PaymentSucceeded), nil)
			b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(false, ports.ErrUnavailable)
		},
		"no provider account": func(b *bundle) {
			b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(charge(domain.PaymentSucceeded), nil)
			b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(true, nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Accounts{}, ports.ErrUnavailable)
		},
		"ledger away": func(b *bundle) {
			b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(charge(domain.PaymentSucceeded), nil)
			b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(true, nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Accounts{Provider: "sys"}, nil)
			b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
		},
		"status not stored": func(b *bundle) {
			b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(charge(domain.PaymentFailed), nil)
			b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(false, ports.ErrUnavailable)
		},
		"not abandoned": func(b *bundle) {
			b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, ports.ErrNothingDone)
			b.payments.EXPECT().Abandon(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(false, ports.ErrUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.stripe.ready(0)
			b.adds(intent(domain.PaymentCreated, 0), false)
			arrange(b)
			_, err := b.TopUp(t.Context(), topUp())
			require.ErrorIs(t, err, ports.ErrUnavailable)
		})
	}
}

func TestReadPayment_IsTheOwnersOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("mallory"), domain.PaymentTopUp, domain.PaymentID("p1")).Return(domain.Payment{}, domain.ErrPaymentNotFound)
	_, err := b.ReadPayment(t.Context(), "mallory", domain.PaymentTopUp, "p1")
	require.ErrorIs(t, err, domain.ErrPaymentNotFound)

	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.PaymentTopUp, domain.PaymentID("p1")).Return(intent(domain.PaymentSucceeded, 0), nil)
	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(domain.Transfer{}, errBoom)
	_, err = b.ReadPayment(t.Context(), "alice", domain.PaymentTopUp, "p1")
	require.ErrorIs(t, err, errBoom)
}

func TestConfirmTopUp_AsksNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	waiting := intent(domain.PaymentRequiresAction, time.Minute)
	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.PaymentTopUp, domain.PaymentID("p1")).Return(waiting, nil)
	b.stripe.EXPECT().Look(gomock.Any(), waiting).Return(charge(domain.PaymentSucceeded), nil)
	b.settles(waiting)
	b.receipt()
	r, err := b.ConfirmTopUp(t.Context(), "alice", "p1")
	require.NoError(t, err)
	require.Equal(t, domain.PaymentSucceeded, r.Status)

	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, domain.ErrPaymentNotFound)
	_, err = b.ConfirmTopUp(t.Context(), "mallory", "p1")
	require.ErrorIs(t, err, domain.ErrPaymentNotFound)

	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(waiting, nil)
	b.stripe.EXPECT().Look(gomock.Any(), waiting).Return(charge(domain.PaymentFailed), nil)
	b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(false, ports.ErrUnavailable)
	_, err = b.ConfirmTopUp(t.Context(), "alice", "p1")
	require.ErrorIs(t, err, ports.ErrUnavailable)
}

func TestTopUp_ProviderSpeaksOfAnotherAmount_StaysProcessing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, 0), false)
	wrong := charge(domain.PaymentSucceeded)
	wrong.Amount = usd(1)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(wrong, nil)
	want := intent(domain.PaymentProcessing, 0)
	want.Cause = "no answer"
	b.records(domain.PaymentCreated, want, 3*time.Second)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err, "it is for the operator to clear up")
	require.Equal(t, domain.PaymentProcessing, r.Status)
}
