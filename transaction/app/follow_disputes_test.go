package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func dispute(status domain.DisputeStatus) domain.Dispute {
	return domain.Dispute{
		ID: "d1", Payment: "p1", Owner: "alice", Wallet: "w1", Provider: "stripe", Ref: "dp", Amount: usd(5000), Status: status,
	}
}

func (b *bundle) hears(status domain.DisputeStatus, kept domain.Dispute) {
	p := intent(domain.PaymentSucceeded, time.Hour)
	b.due(p)
	c := charge(domain.PaymentSucceeded)
	c.Disputes = []domain.DisputeNotice{{Ref: "dp", Amount: usd(5000), Status: status}}
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(c, nil)
	fresh := dispute(domain.DisputeReceived)
	fresh.ID = "id1"
	b.disputes.EXPECT().Keep(gomock.Any(), fresh).Return(kept, nil)
	b.ledger.EXPECT().Accounts(gomock.Any(), "stripe", money.Currency("USD")).Return(domain.Accounts{Provider: "sys", Receivable: "owed"}, nil)
}

func (b *bundle) books(kind domain.Kind) *gomock.Call {
	return b.ledger.EXPECT().Post(gomock.Any(), gomock.Cond(func(group []domain.Posting) bool {
		return len(group) == 1 && group[0].Kind == kind && group[0].Dispute == "d1"
	})).Return(posted(ports.Posted{}), nil)
}

func TestDispute_IsBookedStepByStep_WheneverItIsHeardOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kept domain.DisputeStatus
		said domain.DisputeStatus
		next time.Duration
		want func(b *bundle)
	}{
		"opened":     {domain.DisputeReceived, domain.DisputeOpen, time.Hour, func(b *bundle) { b.books(domain.KindDispute) }},
		"still open": {domain.DisputeOpen, domain.DisputeOpen, time.Hour, func(*bundle) {}},
		"won":        {domain.DisputeOpen, domain.DisputeWon, 0, func(b *bundle) { b.books(domain.KindDisputeWon) }},
		"won, and only heard of then": {domain.DisputeReceived, domain.DisputeWon, 0, func(b *bundle) {
			gomock.InOrder(b.books(domain.KindDispute), b.books(domain.KindDisputeWon))
		}},
		"lost": {domain.DisputeOpen, domain.DisputeLost, 0, func(b *bundle) {
			b.disputes.EXPECT().Lose(gomock.Any(), domain.DisputeID("d1")).Return(nil)
		}},
		"won long ago": {domain.DisputeWon, domain.DisputeWon, 0, func(*bundle) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.hears(c.said, dispute(c.kept))
			c.want(b)
			disputed := intent(domain.PaymentDisputed, time.Hour)
			b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(disputed, nil)
			b.payments.EXPECT().Record(gomock.Any(), domain.PaymentDisputed, disputed, c.next).Return(true, nil)
			require.NoError(t, b.settlePayments(t, 1))
		})
	}
}

func TestDispute_ThatCannotBeBooked_StaysDue(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(b *bundle){
		"not kept": func(b *bundle) {
			b.disputes.EXPECT().Keep(gomock.Any(), gomock.Any()).Return(domain.Dispute{}, ports.ErrUnavailable)
		},
		"no accounts": func(b *bundle) {
			b.disputes.EXPECT().Keep(gomock.Any(), gomock.Any()).Return(dispute(domain.DisputeReceived), nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Accounts{}, ports.ErrUnavailable)
		},
		"ledger away": func(b *bundle) {
			b.disputes.EXPECT().Keep(gomock.Any(), gomock.Any()).Return(dispute(domain.DisputeReceived), nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Accounts{}, nil)
			b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
		},
		"payment not read": func(b *bundle) {
			b.disputes.EXPECT().Keep(gomock.Any(), gomock.Any()).Return(dispute(domain.DisputeOpen), nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Accounts{}, nil)
			b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Payment{}, ports.ErrUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := intent(domain.PaymentSucceeded, time.Hour)
			b.due(p)
			c := charge(domain.PaymentSucceeded)
			c.Disputes = []domain.DisputeNotice{{Ref: "dp", Amount: usd(5000), Status: domain.DisputeOpen}}
			b.stripe.EXPECT().Look(gomock.Any(), p).Return(c, nil)
			arrange(b)
			require.ErrorIs(t, b.settlePayments(t, 1), ports.ErrUnavailable)
		})
	}
	b := setup(t)
	p := intent(domain.PaymentSucceeded, time.Hour)
	b.due(p)
	c := charge(domain.PaymentSucceeded)
	c.Disputes = []domain.DisputeNotice{{Ref: "dp", Amount: usd(5001), Status: domain.DisputeOpen}}
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(c, nil)
	require.ErrorIs(t, b.settlePayments(t, 1), domain.ErrProviderMismatch)
}

func TestSettle_DisputedFromTheStart_BooksBoth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := intent(domain.PaymentProcessing, time.Hour)
	b.due(p)
	c := charge(domain.PaymentSucceeded)
	c.Disputes = []domain.DisputeNotice{{Ref: "dp", Amount: usd(5000), Status: domain.DisputeOpen}}
	b.stripe.EXPECT().Look(gomock.Any(), p).Return(c, nil)
	b.settles(p)
	b.disputes.EXPECT().Keep(gomock.Any(), gomock.Any()).Return(dispute(domain.DisputeReceived), nil)
	b.ledger.EXPECT().Accounts(gomock.Any(), "stripe", money.Currency("USD")).Return(domain.Accounts{Provider: "sys", Receivable: "owed"}, nil)
	b.books(domain.KindDispute)
	b.payments.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(intent(domain.PaymentDisputed, 0), nil)
	b.payments.EXPECT().Record(gomock.Any(), domain.PaymentDisputed, gomock.Any(), time.Hour).Return(true, nil)
	require.NoError(t, b.settlePayments(t, 1))
}

func TestRecoverDisputes_TakesWhatTheWalletHas(t *testing.T) {
	t.Parallel()
	lost := dispute(domain.DisputeLost)
	wallet := domain.Wallet{ID: "w1", Owner: "alice", Balance: usd(700), Held: usd(200)}
	accounts := domain.Accounts{Receivable: "owed"}
	for name, c := range map[string]struct {
		arrange func(b *bundle)
		want    int
		err     error
	}{
		"what is available": {func(b *bundle) {
			b.wallets.EXPECT().Find(gomock.Any(), domain.OwnerID("alice"), domain.WalletID("w1")).Return(wallet, nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), "stripe", gomock.Any()).Return(accounts, nil)
			b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).DoAndReturn(func(_ context.Context, group []domain.Posting) ([]ports.Posted, error) {
				if group[0].Amount != usd(500) || group[0].To != "owed" {
					return nil, errBoom
				}
				return posted(ports.Posted{}), nil
			})
		}, 1, nil},
		"spent meanwhile": {func(b *bundle) {
			b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(wallet, nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(accounts, nil)
			b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(posted(ports.Posted{Err: domain.ErrInsufficientFunds}), nil)
		}, 0, nil},
		"nothing there": {func(b *bundle) {
			b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Wallet{Balance: usd(0), Held: usd(0)}, nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(accounts, nil)
		}, 0, nil},
		"wallet not read": {func(b *bundle) {
			b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Wallet{}, ports.ErrUnavailable)
		}, 0, ports.ErrUnavailable},
		"no accounts": {func(b *bundle) {
			b.wallets.EXPECT().Find(gomock.Any(), gomock.Any(), gomock.Any()).Return(wallet, nil)
			b.ledger.EXPECT().Accounts(gomock.Any(), gomock.Any(), gomock.Any()).Return(accounts, ports.ErrUnavailable)
		}, 0, ports.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.disputes.EXPECT().Owed(gomock.Any(), 10).Return([]domain.Dispute{lost}, nil)
			c.arrange(b)
			n, err := b.RecoverDisputes(t.Context(), 10)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, n)
		})
	}
	b := setup(t)
	b.disputes.EXPECT().Owed(gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
	_, err := b.RecoverDisputes(t.Context(), 10)
	require.ErrorIs(t, err, ports.ErrUnavailable)
}
