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
func intent(status domain.TopUpStatus, ago time.Duration) domain.TopUp {
	return domain.TopUp{
		ID: "p1", Owner: "alice", Wallet: "w1", Provider: "sandbox", Amount: usd(5000), Status: status, UpdatedAt: noon.Add(-ago),
	}
}

func settled() domain.TopUp {
	t := intent(domain.TopUpSucceeded, 0)
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
		if len(group) != 1 || group[0].TopUp != "p1" || group[0].From != "sys" || group[0].To != "w1" || group[0].Amount != usd(5000) {
			return nil, errBoom
		}
		return posted(ports.Posted{}), nil
	})
	b.topUps.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.TopUpID("p1")).Return(settled(), nil)
}

func (b *bundle) receipt() {
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("t1")).Return(credited(), nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), credited(), domain.WalletID("w1")).Return(usd(5700), nil)
}

func TestTopUp_StoresTheIntentThenAsksThenCredits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gomock.InOrder(
		b.topUps.EXPECT().Add(gomock.Any(), domain.TopUp{
			ID: "id1", Owner: "alice", Wallet: "w1", Provider: "sandbox", Amount: usd(5000), Status: domain.TopUpCreated,
		}, key("k1")).Return(intent(domain.TopUpCreated, 0), false, nil),
		b.provider.EXPECT().Start(gomock.Any(), intent(domain.TopUpCreated, 0)).Return(ports.Charge{Status: domain.TopUpSucceeded}, nil),
	)
	b.credits()
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	balance := usd(5700)
	require.Equal(t, app.TopUpReceipt{TopUp: settled(), Balance: &balance}, r)
}

func TestTopUp_Declined_MovesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.TopUpCreated, 0), false, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).
		Return(ports.Charge{Status: domain.TopUpFailed, ProviderRef: "ref", FailureCode: "card_declined"}, nil)
	failed := intent(domain.TopUpFailed, 0)
	failed.ProviderRef, failed.FailureCode = "ref", "card_declined"
	b.topUps.EXPECT().Record(gomock.Any(), failed).Return(nil)
	b.topUps.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(failed, nil)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.Equal(t, app.TopUpReceipt{TopUp: failed}, r)
}

func TestTopUp_UnknownOutcome_StaysProcessing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.TopUpCreated, 0), false, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, errBoom)
	b.topUps.EXPECT().Record(gomock.Any(), intent(domain.TopUpProcessing, 0)).Return(nil)
	b.topUps.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.TopUpProcessing, 0), nil)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err, "an open outcome is no failure")
	require.Equal(t, domain.TopUpProcessing, r.Status)
}

func TestTopUp_OutlivesItsClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, hangUp := context.WithCancel(t.Context())
	b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.TopUpCreated, 0), false, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).DoAndReturn(func(ctx context.Context, _ domain.TopUp) (ports.Charge, error) {
		hangUp()
		return ports.Charge{Status: domain.TopUpSucceeded}, ctx.Err()
	})
	b.credits()
	b.receipt()
	r, err := b.TopUp(ctx, topUp())
	require.NoError(t, err)
	require.Equal(t, domain.TopUpSucceeded, r.Status)
}

func TestTopUp_SameKeyAgain_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(settled(), true, nil)
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.True(t, r.Replayed)
}

func TestTopUp_SameKeyWhileTheFirstRuns_IsInProgress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.TopUpCreated, 59*time.Second), true, nil)
	_, err := b.TopUp(t.Context(), topUp())
	require.ErrorIs(t, err, domain.ErrKeyInProgress)
}

func TestTopUp_SameKeyAfterACrash_IsCarriedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.TopUpCreated, time.Minute), true, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.TopUpSucceeded}, nil)
	b.credits()
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.True(t, r.Replayed)
	require.Equal(t, domain.TopUpSucceeded, r.Status)
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

	b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TopUp{}, false, domain.ErrWalletNotActive)
	_, err = b.TopUp(t.Context(), topUp())
	require.ErrorIs(t, err, domain.ErrWalletNotActive)
}

func TestTopUp_WhatCannotBeWritten_IsLeftForLater(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(b *bundle){
		"no provider account": func(b *bundle) {
			b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.TopUpSucceeded}, nil)
			b.ledger.EXPECT().ProviderAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID(""), ports.ErrUnavailable)
		},
		"ledger away": func(b *bundle) {
			b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.TopUpSucceeded}, nil)
			b.ledger.EXPECT().ProviderAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID("sys"), nil)
			b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
		},
		"status not stored": func(b *bundle) {
			b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.TopUpFailed}, nil)
			b.topUps.EXPECT().Record(gomock.Any(), gomock.Any()).Return(ports.ErrUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.topUps.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.TopUpCreated, 0), false, nil)
			arrange(b)
			_, err := b.TopUp(t.Context(), topUp())
			require.ErrorIs(t, err, ports.ErrUnavailable)
		})
	}
}

func TestSettleTopUps_AsksAboutWhatWasLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := intent(domain.TopUpProcessing, time.Hour)
	b.topUps.EXPECT().Claim(gomock.Any(), noon.Add(-time.Minute), 10).Return([]domain.TopUp{open}, nil)
	b.provider.EXPECT().Look(gomock.Any(), open).Return(ports.Charge{Status: domain.TopUpSucceeded}, nil)
	b.credits()
	n, err := b.SettleTopUps(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestSettleTopUps_StartsWhatTheProviderMayNeverHaveHeard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topUps.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).Return([]domain.TopUp{intent(domain.TopUpCreated, time.Hour)}, nil)
	b.provider.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.TopUpSucceeded}, nil)
	b.credits()
	_, err := b.SettleTopUps(t.Context(), 10)
	require.NoError(t, err)
}

func TestSettleTopUps_OneTroubleDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	foreign, backwards := intent(domain.TopUpProcessing, time.Hour), intent(domain.TopUpProcessing, time.Hour)
	foreign.Provider = "gone"
	b.topUps.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).
		Return([]domain.TopUp{foreign, backwards, intent(domain.TopUpProcessing, time.Hour)}, nil)
	gomock.InOrder(
		b.provider.EXPECT().Look(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.TopUpCreated}, nil),
		b.provider.EXPECT().Look(gomock.Any(), gomock.Any()).Return(ports.Charge{Status: domain.TopUpSucceeded}, nil),
	)
	b.credits()
	n, err := b.SettleTopUps(t.Context(), 10)
	require.Equal(t, 3, n)
	require.ErrorIs(t, err, domain.ErrProviderUnknown)
	require.ErrorContains(t, err, "moves it from processing to created")

	b.topUps.EXPECT().Claim(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
	_, err = b.SettleTopUps(t.Context(), 10)
	require.ErrorIs(t, err, ports.ErrUnavailable)
}

func TestReadTopUp_IsTheOwnersOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topUps.EXPECT().Find(gomock.Any(), domain.OwnerID("mallory"), domain.TopUpID("p1")).Return(domain.TopUp{}, domain.ErrTopUpNotFound)
	_, err := b.ReadTopUp(t.Context(), "mallory", "p1")
	require.ErrorIs(t, err, domain.ErrTopUpNotFound)

	b.topUps.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.TopUpID("p1")).Return(settled(), nil)
	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(domain.Transfer{}, errBoom)
	_, err = b.ReadTopUp(t.Context(), "alice", "p1")
	require.ErrorIs(t, err, errBoom)
}
