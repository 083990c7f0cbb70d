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

func topUp() app.TopUpCommand {
	return app.TopUpCommand{Owner: "alice", Wallet: "w1", Amount: usd(5000), Provider: "sandbox", Key: key("k1")}
}

// intent is the stored top-up in some status, last touched some time ago.
func intent(status domain.PaymentStatus, ago time.Duration) domain.Payment {
	return domain.Payment{
		ID: "p1", Owner: "alice", Wallet: "w1", Provider: "sandbox", Amount: usd(5000), Status: status, UpdatedAt: noon.Add(-ago),
	}
}

func settled() domain.Payment {
	t := intent(domain.PaymentSucceeded, 0)
	t.Transfer = "t1"
	return t
}

func credited() domain.Transfer {
	return domain.Transfer{ID: "t1", Kind: domain.KindTopUp, From: "sys", To: "w1", ToOwner: "alice", Amount: usd(5000), CreatedAt: noon}
}

// credits expects the ledger to take the settlement, and the receipt to be read.
func (b *bundle) credits() {
	b.ledger.EXPECT().ProviderAccount(gomock.Any(), "sandbox", money.Currency("USD")).Return(domain.WalletID("sys"), nil)
	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).DoAndReturn(func(_ context.Context, group []domain.Posting) ([]ports.Posted, error) {
		if len(group) != 1 || group[0].Payment != "p1" || group[0].From != "sys" || group[0].To != "w1" || group[0].Amount != usd(5000) {
			return nil, errBoom
		}
		return posted(ports.Posted{}), nil
	})
	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.PaymentID("p1")).Return(settled(), nil)
}

func (b *bundle) receipt() {
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("t1")).Return(credited(), nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), credited(), domain.WalletID("w1")).Return(usd(5700), nil)
}

func TestTopUp_StoresTheIntentThenAsksThenCredits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gomock.InOrder(
		b.payments.EXPECT().Add(gomock.Any(), domain.Payment{
			ID: "id1", Owner: "alice", Wallet: "w1", Provider: "sandbox", Amount: usd(5000), Status: domain.PaymentCreated,
		}, key("k1")).Return(intent(domain.PaymentCreated, 0), false, nil),
		b.provider.EXPECT().Start(gomock.Any(), intent(domain.PaymentCreated, 0)).Return(ports.Charge{Status: domain.PaymentSucceeded}, nil),
	)
	b.credits()
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	balance := usd(5700)
	require.Equal(t, app.PaymentReceipt{Payment: settled(), Balance: &balance}, r)
}

func TestTopUp_Declined_MovesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentCreated, 0), false, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).
		Return(ports.Charge{Status: domain.PaymentFailed, ProviderRef: "ref", FailureCode: "card_declined"}, nil)
	failed := intent(domain.PaymentFailed, 0)
	failed.ProviderRef, failed.FailureCode = "ref", "card_declined"
	b.payments.EXPECT().Record(gomock.Any(), failed).Return(nil)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(failed, nil)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.Equal(t, app.PaymentReceipt{Payment: failed}, r)
}

func TestTopUp_UnknownOutcome_StaysProcessing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentCreated, 0), false, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, errBoom)
	b.payments.EXPECT().Record(gomock.Any(), intent(domain.PaymentProcessing, 0)).Return(nil)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentProcessing, 0), nil)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err, "an open outcome is no failure")
	require.Equal(t, domain.PaymentProcessing, r.Status)
}

func TestTopUp_OutlivesItsClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, hangUp := context.WithCancel(t.Context())
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentCreated, 0), false, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).DoAndReturn(func(ctx context.Context, _ domain.Payment) (ports.Charge, error) {
		hangUp()
		return ports.Charge{Status: domain.PaymentSucceeded}, ctx.Err()
	})
	b.credits()
	b.receipt()
	r, err := b.TopUp(ctx, topUp())
	require.NoError(t, err)
	require.Equal(t, domain.PaymentSucceeded, r.Status)
}

func TestTopUp_SameKeyAgain_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(settled(), true, nil)
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.True(t, r.Replayed)
}

func TestTopUp_SameKeyWhileTheFirstRuns_IsInProgress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentCreated, 59*time.Second), true, nil)
	_, err := b.TopUp(t.Context(), topUp())
	require.ErrorIs(t, err, domain.ErrKeyInProgress)
}

func TestTopUp_SameKeyAfterACrash_IsCarriedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentCreated, time.Minute), true, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.PaymentSucceeded}, nil)
	b.credits()
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.True(t, r.Replayed)
	require.Equal(t, domain.PaymentSucceeded, r.Status)
}

func TestTopUp_Refused_AsksNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unknown := topUp()
	unknown.Provider = "piggybank"
	_, err := b.TopUp(t.Context(), unknown)
	require.ErrorIs(t, err, domain.ErrProviderUnknown)

	nothing := topUp()
	nothing.Amount.Amount = 0
	_, err = b.TopUp(t.Context(), nothing)
	require.ErrorAs(t, err, new(domain.Invalid))

	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, false, domain.ErrWalletNotActive)
	_, err = b.TopUp(t.Context(), topUp())
	require.ErrorIs(t, err, domain.ErrWalletNotActive)
}

func TestTopUp_WhatCannotBeWritten_IsLeftForLater(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(b *bundle){
		"no provider account": func(b *bundle) {
			b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.PaymentSucceeded}, nil)
			b.ledger.EXPECT().ProviderAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID(""), ports.ErrUnavailable)
		},
		"ledger away": func(b *bundle) {
			b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.PaymentSucceeded}, nil)
			b.ledger.EXPECT().ProviderAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID("sys"), nil)
			b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
		},
		"status not stored": func(b *bundle) {
			b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.PaymentFailed}, nil)
			b.payments.EXPECT().Record(gomock.Any(), gomock.Any()).Return(ports.ErrUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentCreated, 0), false, nil)
			arrange(b)
			_, err := b.TopUp(t.Context(), topUp())
			require.ErrorIs(t, err, ports.ErrUnavailable)
		})
	}
}

func TestSettleTopUps_AsksAboutWhatWasLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := intent(domain.PaymentProcessing, time.Hour)
	b.payments.EXPECT().Claim(gomock.Any(), noon.Add(-time.Minute), 10).Return([]domain.Payment{open}, nil)
	b.provider.EXPECT().Look(gomock.Any(), open).Return(ports.Charge{Status: domain.PaymentSucceeded}, nil)
	b.credits()
	n, err := b.SettlePayments(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestSettleTopUps_StartsWhatTheProviderMayNeverHaveHeard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).Return([]domain.Payment{intent(domain.PaymentCreated, time.Hour)}, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.PaymentSucceeded}, nil)
	b.credits()
	_, err := b.SettlePayments(t.Context(), 10)
	require.NoError(t, err)
}

func TestSettleTopUps_OneTroubleDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	foreign, backwards := intent(domain.PaymentProcessing, time.Hour), intent(domain.PaymentProcessing, time.Hour)
	foreign.Provider = "gone"
	b.payments.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).
		Return([]domain.Payment{foreign, backwards, intent(domain.PaymentProcessing, time.Hour)}, nil)
	gomock.InOrder(
		b.provider.EXPECT().Look(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.PaymentCreated}, nil),
		b.provider.EXPECT().Look(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.PaymentSucceeded}, nil),
	)
	b.credits()
	n, err := b.SettlePayments(t.Context(), 10)
	require.Equal(t, 3, n)
	require.ErrorIs(t, err, domain.ErrProviderUnknown)
	require.ErrorContains(t, err, "moves it from processing to created")

	b.payments.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
	_, err = b.SettlePayments(t.Context(), 10)
	require.ErrorIs(t, err, ports.ErrUnavailable)
}

func TestReadTopUp_IsTheOwnersOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("mallory"), domain.PaymentID("p1")).Return(domain.Payment{}, domain.ErrPaymentNotFound)
	_, err := b.ReadTopUp(t.Context(), "mallory", "p1")
	require.ErrorIs(t, err, domain.ErrPaymentNotFound)

	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.PaymentID("p1")).Return(settled(), nil)
	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(domain.Transfer{}, errBoom)
	_, err = b.ReadTopUp(t.Context(), "alice", "p1")
	require.ErrorIs(t, err, errBoom)
}
