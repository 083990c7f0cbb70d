package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func withdrawal(status domain.PaymentStatus) domain.Payment {
	p := intent(status, 0)
	p.Kind, p.Destination, p.Hold = domain.PaymentWithdrawal, "acct_1", "h1"
	return p
}

func withdraw() app.WithdrawCommand {
	return app.WithdrawCommand{
		Owner: "alice", Wallet: "w1", Amount: usd(5000), Providers: []string{"stripe"}, Destination: "acct_1", Key: key("k1"),
	}
}

func TestWithdraw_HoldsThenPaysThenPosts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	gomock.InOrder(
		b.payments.EXPECT().Add(gomock.Any(), domain.Payment{
			ID: "id1", Kind: domain.PaymentWithdrawal, Owner: "alice", Wallet: "w1", Provider: "stripe", Amount: usd(5000), Fee: usd(0),
			Status: domain.PaymentCreated, Destination: "acct_1",
		}, key("k1"), time.Minute).Return(withdrawal(domain.PaymentCreated), false, nil),
		b.stripe.EXPECT().Start(gomock.Any(), withdrawal(domain.PaymentCreated)).Return(charge(domain.PaymentSucceeded), nil),
	)
	b.settles(withdrawal(domain.PaymentCreated))
	b.receipt()
	r, err := b.Withdraw(t.Context(), withdraw())
	require.NoError(t, err)
	require.Equal(t, domain.PaymentSucceeded, r.Status)
	require.Equal(t, usd(5700), *r.Balance)
}

func TestWithdraw_Refused_AsksNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	nowhere := withdraw()
	nowhere.Destination = ""
	_, err := b.Withdraw(t.Context(), nowhere)
	require.ErrorAs(t, err, new(domain.Invalid))
	b.payments.EXPECT().Add(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, false, domain.ErrInsufficientFunds)
	_, err = b.Withdraw(t.Context(), withdraw())
	require.ErrorIs(t, err, domain.ErrInsufficientFunds)
}

func TestWithdraw_IsNeverGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := withdrawal(domain.PaymentProcessing)
	p.CreatedAt = noon.Add(-1000 * time.Hour)
	b.due(p)
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(ports.Charge{}, ports.ErrNotKnown)
	b.stripe.EXPECT().Start(gomock.Any(), p).Return(charge(domain.PaymentProcessing), nil)
	b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), 30*time.Second).Return(true, nil)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(p, nil)
	require.NoError(t, b.settlePayments(t, 1))
}

func refund() app.RefundCommand {
	return app.RefundCommand{Owner: "alice", TopUp: "p1", Key: key("k1")}
}

func (b *bundle) noKey() {
	b.payments.EXPECT().ByKey(gomock.Any(), domain.OwnerID("alice"), key("k1")).Return(domain.Payment{}, false, nil)
}

func TestRefund_GoesBackThroughTheProviderItCameFrom(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.noKey()
	b.payments.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.PaymentTopUp, domain.PaymentID("p1")).Return(intent(domain.PaymentSucceeded, time.Hour), nil)
	back := domain.Payment{
		ID: "id1", Kind: domain.PaymentRefund, Owner: "alice", Wallet: "w1", Provider: "stripe", Amount: usd(5000), Fee: usd(0),
		Status: domain.PaymentCreated, Parent: "p1", ParentRef: "ref",
	}
	b.payments.EXPECT().Add(gomock.Any(), back, key("k1"), time.Minute).Return(back, false, nil)
	b.stripe.EXPECT().Start(gomock.Any(), back).Return(charge(domain.PaymentProcessing), nil)
	b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(true, nil)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), domain.PaymentRefund, gomock.Any()).Return(back, nil)
	_, err := b.Refund(t.Context(), refund())
	require.NoError(t, err)
}

func TestRefund_SameKeyAgain_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().ByKey(gomock.Any(), domain.OwnerID("alice"), key("k1")).Return(intent(domain.PaymentFailed, 0), true, nil)
	r, err := b.Refund(t.Context(), refund())
	require.NoError(t, err)
	require.True(t, r.Replayed)
	require.Nil(t, r.Balance)
}

func TestRefund_Refused_AsksNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.payments.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, false, domain.ErrKeyReused)
	_, err := b.Refund(t.Context(), refund())
	require.ErrorIs(t, err, domain.ErrKeyReused)

	b.noKey()
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, domain.ErrPaymentNotFound)
	_, err = b.Refund(t.Context(), refund())
	require.ErrorIs(t, err, domain.ErrPaymentNotFound)

	b.noKey()
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentDisputed, 0), nil)
	_, err = b.Refund(t.Context(), refund())
	require.ErrorIs(t, err, domain.ErrPaymentDisputed)
}
