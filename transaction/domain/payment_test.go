package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

func topUp(t *testing.T) domain.Payment {
	t.Helper()
	p, err := domain.NewTopUp("p1", "alice", "w1", "stripe", usd(5000))
	require.NoError(t, err)
	return p
}

func withdrawal(t *testing.T) domain.Payment {
	t.Helper()
	p, err := domain.NewWithdrawal("p2", "alice", "w1", "stripe", usd(5000), "acct_1")
	require.NoError(t, err)
	return p
}

func captured(t *testing.T) domain.Payment {
	t.Helper()
	p := topUp(t)
	p.Status, p.ProviderRef, p.Refunded = domain.PaymentSucceeded, "pi_1", 0
	return p
}

var accounts = domain.Accounts{Provider: "sys", Fees: "fees", Receivable: "owed"}

func TestNewTopUp_IsAnIntentBeforeTheProviderIsAsked(t *testing.T) {
	t.Parallel()
	p := topUp(t)
	require.Equal(t, domain.PaymentCreated, p.Status)
	require.True(t, p.Status.Open())
	require.Equal(t, domain.PaymentTopUp, p.Kind)
	require.Equal(t, usd(0), p.Held(), "nothing is held for money that comes in")
}

func TestNewTopUp_RefusesAmountsThatAreNotPositive(t *testing.T) {
	t.Parallel()
	_, err := domain.NewTopUp("p1", "alice", "w1", "sandbox", usd(0))
	require.ErrorAs(t, err, new(domain.Invalid))
}

func TestPayment_Via_TakesTheFeeOfTheProvider(t *testing.T) {
	t.Parallel()
	fees := domain.Fees{{Kind: domain.PaymentTopUp, Currency: "USD", Fixed: 30}, {Kind: domain.PaymentWithdrawal, Currency: "USD", Fixed: 100}}
	p, err := topUp(t).Via("paypal", fees)
	require.NoError(t, err)
	require.Equal(t, "paypal", p.Provider)
	require.Equal(t, usd(30), p.Fee)

	small := topUp(t)
	small.Amount = usd(30)
	_, err = small.Via("paypal", fees)
	require.ErrorIs(t, err, domain.ErrFeeExceedsAmount, "a top-up brings something in")

	out, err := withdrawal(t).Via("stripe", fees)
	require.NoError(t, err)
	require.Equal(t, usd(5100), out.Held(), "the fee is held with the amount")
	out.Amount = usd(money.Max)
	_, err = out.Via("stripe", fees)
	require.ErrorAs(t, err, new(domain.Invalid))
}

func TestNewWithdrawal_NeedsAPlaceToGo(t *testing.T) {
	t.Parallel()
	p := withdrawal(t)
	require.Equal(t, domain.PaymentWithdrawal, p.Kind)
	require.Equal(t, "acct_1", p.Destination)
	require.Equal(t, usd(5000), p.Held())
	for _, destination := range []string{"", " ", strings.Repeat("x", domain.MaxDestinationLength+1), "a\x00b", "a\nb", "a b"} {
		_, err := domain.NewWithdrawal("p2", "alice", "w1", "stripe", usd(0), destination)
		var invalid domain.Invalid
		require.ErrorAs(t, err, &invalid)
		require.Len(t, invalid, 2, "%q and the amount", destination)
	}
}

func TestPayment_Refund_GivesBackWhatIsLeft(t *testing.T) {
	t.Parallel()
	p := captured(t)
	p.Refunded, p.Status = 2000, domain.PaymentPartiallyRefunded
	r, err := p.Refund("r1", nil)
	require.NoError(t, err)
	require.Equal(t, domain.Payment{
		ID: "r1", Kind: domain.PaymentRefund, Owner: "alice", Wallet: "w1", Provider: "stripe", Amount: usd(3000), Fee: usd(0),
		Status: domain.PaymentCreated, Parent: "p1", ParentRef: "pi_1",
	}, r)
	require.Equal(t, usd(3000), r.Held())
	part := usd(1)
	r, err = p.Refund("r1", &part)
	require.NoError(t, err)
	require.Equal(t, usd(1), r.Amount)
}

func TestPayment_Refund_Refusals(t *testing.T) {
	t.Parallel()
	whole, more, zero, euro := usd(5000), usd(5001), usd(0), money.Money{Amount: 1, Currency: "EUR"}
	for name, c := range map[string]struct {
		change func(*domain.Payment)
		amount *money.Money
		want   error
	}{
		"not captured yet": {func(p *domain.Payment) { p.Status = domain.PaymentProcessing }, nil, domain.ErrNotRefundable},
		"declined":         {func(p *domain.Payment) { p.Status = domain.PaymentFailed }, nil, domain.ErrNotRefundable},
		"a withdrawal":     {func(p *domain.Payment) { p.Kind = domain.PaymentWithdrawal }, nil, domain.ErrNotRefundable},
		"disputed":         {func(p *domain.Payment) { p.Status = domain.PaymentDisputed }, nil, domain.ErrPaymentDisputed},
		"refunded":         {func(p *domain.Payment) { p.Status, p.Refunded = domain.PaymentRefunded, 5000 }, nil, domain.ErrRefundExceeds},
		"too much":         {func(*domain.Payment) {}, &more, domain.ErrRefundExceeds},
		"other currency":   {func(*domain.Payment) {}, &euro, domain.ErrCurrencyMismatch},
	} {
		p := captured(t)
		c.change(&p)
		_, err := p.Refund("r1", c.amount)
		require.ErrorIs(t, err, c.want, name)
	}
	_, err := captured(t).Refund("r1", &zero)
	require.ErrorAs(t, err, new(domain.Invalid))
	_, err = captured(t).Refund("r1", &whole)
	require.NoError(t, err)
}

func TestPayment_Settlement_MovesTheMoneyBetweenWalletAndProvider(t *testing.T) {
	t.Parallel()
	in := topUp(t)
	in.Fee = usd(30)
	require.Equal(t, domain.Posting{
		Order: domain.Order{
			ID: "t1", Caller: domain.Caller{ID: "alice"}, From: "sys", To: "w1", Amount: usd(5000), Description: "stripe topup",
		},
		Kind: domain.KindTopUp, Payment: "p1", Fee: &domain.FeePosting{ID: "t2", To: "fees", Amount: usd(30)},
	}, in.Settlement("t1", "t2", accounts))

	out := withdrawal(t)
	out.Hold = "h1"
	require.Equal(t, domain.Posting{
		Order: domain.Order{
			ID: "t1", Caller: domain.Caller{ID: "alice"}, From: "w1", To: "sys", Amount: usd(5000), Description: "stripe withdrawal",
		},
		Kind: domain.KindWithdrawal, Payment: "p2", Hold: "h1",
	}, out.Settlement("t1", "t2", accounts))

	back, err := captured(t).Refund("r1", nil)
	require.NoError(t, err)
	require.Equal(t, domain.KindRefund, back.Settlement("t1", "t2", accounts).Kind)
}

func TestPayment_Wants_OnlyWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	p := topUp(t)
	require.True(t, p.Wants(usd(5000)))
	require.False(t, p.Wants(usd(4999)))
	require.False(t, p.Wants(money.Money{Amount: 5000, Currency: "EUR"}))
}
