package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func TestTopUp_NoProviderCanBeUsed_SaysWhenAndStoresNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(20 * time.Second)
	b.paypal.ready(7 * time.Second)
	b.payments.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, false, nil)
	_, err := b.TopUp(t.Context(), topUp("stripe", "paypal"))
	require.ErrorIs(t, err, domain.ErrProviderUnavailable)
	var unavailable app.ProviderUnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.Equal(t, 7*time.Second, unavailable.RetryAfter, "the sooner one")
	require.Equal(t, "provider_unavailable", err.Error())

	b.payments.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, false, domain.ErrKeyReused)
	_, err = b.TopUp(t.Context(), topUp("stripe"))
	require.ErrorIs(t, err, domain.ErrKeyReused)
}

func TestTopUp_ProviderThatDidNothing_LeavesNoTrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, 0), false)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, ports.ErrNothingDone)
	b.payments.EXPECT().Abandon(gomock.Any(), intent(domain.PaymentCreated, 0), key("k1"), "no provider could be reached").Return(true, nil)
	_, err := b.TopUp(t.Context(), topUp())
	require.ErrorIs(t, err, domain.ErrProviderUnavailable)
}

func TestTopUp_SomebodyCarriedItOnMeanwhile_TellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.adds(intent(domain.PaymentCreated, 0), false)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, ports.ErrNothingDone)
	b.payments.EXPECT().Abandon(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(false, nil)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentProcessing, 0), nil)
	r, err := b.TopUp(t.Context(), topUp())
	require.NoError(t, err)
	require.Equal(t, domain.PaymentProcessing, r.Status)
}

func TestTopUp_NextProvider_OnlyWhenTheFirstSurelyDidNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.paypal.ready(0)
	b.adds(intent(domain.PaymentCreated, 0), false)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, ports.ErrNothingDone)
	other := intent(domain.PaymentCreated, 0)
	other.Provider, other.Fee = "paypal", usd(30)
	b.payments.EXPECT().Reroute(gomock.Any(), other).Return(nil)
	b.paypal.EXPECT().Start(gomock.Any(), other).Return(charge(domain.PaymentSucceeded), nil)
	b.settles(other)
	b.receipt()
	r, err := b.TopUp(t.Context(), topUp("stripe", "paypal"))
	require.NoError(t, err)
	require.Equal(t, "paypal", r.Provider)
	require.Equal(t, usd(5670), *r.Balance, "its fee is gone already")

	c := setup(t)
	c.stripe.ready(0)
	c.paypal.ready(0)
	c.adds(intent(domain.PaymentCreated, 0), false)
	c.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, errBoom)
	c.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(true, nil)
	c.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentProcessing, 0), nil)
	r, err = c.TopUp(t.Context(), topUp("stripe", "paypal"))
	require.NoError(t, err)
	require.Equal(t, "stripe", r.Provider, "it may have done something")
}

func TestTopUp_FirstProviderAway_GoesThroughTheNextAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(time.Minute)
	b.paypal.ready(0)
	other := intent(domain.PaymentCreated, 0)
	other.Provider, other.Fee = "paypal", usd(30)
	b.adds(other, false)
	b.paypal.EXPECT().Start(gomock.Any(), other).Return(charge(domain.PaymentProcessing), nil)
	b.payments.EXPECT().Record(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(true, nil)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(other, nil)
	_, err := b.TopUp(t.Context(), topUp("stripe", "paypal"))
	require.NoError(t, err)
}

func TestTopUp_NextProviderThatCannotTakeIt_IsPassedOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.paypal.ready(0)
	small := intent(domain.PaymentCreated, 0)
	small.Amount = usd(30)
	b.adds(small, false)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, ports.ErrNothingDone)
	b.payments.EXPECT().Abandon(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(true, nil)
	_, err := b.TopUp(t.Context(), topUp("stripe", "paypal"))
	require.ErrorIs(t, err, domain.ErrProviderUnavailable, "paypal's fee would take all of it")

	c := setup(t)
	c.stripe.ready(0)
	c.paypal.ready(0)
	c.adds(intent(domain.PaymentCreated, 0), false)
	c.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, ports.ErrNothingDone)
	c.payments.EXPECT().Reroute(gomock.Any(), gomock.Any()).Return(ports.ErrUnavailable)
	_, err = c.TopUp(t.Context(), topUp("stripe", "paypal"))
	require.ErrorIs(t, err, ports.ErrUnavailable)
}

func TestTopUp_NextProviderWhoseFeeDoesNotFit_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(0)
	b.paypal.ready(0)
	huge := intent(domain.PaymentCreated, 0)
	huge.Amount = usd(money.Max)
	b.adds(huge, false)
	b.stripe.EXPECT().Start(gomock.Any(), gomock.Any()).Return(ports.Charge{}, ports.ErrNothingDone)
	b.payments.EXPECT().Abandon(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(true, nil)
	_, err := b.TopUp(t.Context(), topUp("stripe", "paypal"))
	require.ErrorIs(t, err, domain.ErrProviderUnavailable, "nobody carries on what was refused")
}
