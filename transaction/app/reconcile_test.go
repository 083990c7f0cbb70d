package app_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

var today = noon.Truncate(24 * time.Hour)

func operation(id domain.PaymentID, status domain.PaymentStatus) ports.Operation {
	return ports.Operation{Payment: id, Ref: "ref " + string(id), Kind: domain.PaymentTopUp, Amount: usd(5000), Status: status, CreatedAt: noon}
}

func payment(id domain.PaymentID, status domain.PaymentStatus) domain.Payment {
	p := intent(status, 0)
	p.ID = id
	return p
}

// lists gives the provider's operations and ours of today.
func (b *bundle) lists(theirs []ports.Operation, found, made []domain.Payment, broken error) {
	b.stripe.statements.EXPECT().Operations(gomock.Any(), today.Add(-time.Hour), today.Add(25*time.Hour)).
		DoAndReturn(func(context.Context, time.Time, time.Time) iter.Seq2[ports.Operation, error] {
			return func(yield func(ports.Operation, error) bool) {
				for _, op := range theirs {
					if !yield(op, nil) {
						return
					}
				}
				if broken != nil {
					yield(ports.Operation{}, broken)
				}
			}
		})
	b.payments.EXPECT().ByID(gomock.Any(), "stripe", gomock.Any()).Return(found, nil).MaxTimes(1)
	b.payments.EXPECT().Between(gomock.Any(), "stripe", today, today.Add(24*time.Hour)).Return(made, nil).MaxTimes(1)
}

func TestReconcile_NamesEachDifference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	otherAmount := operation("amount", domain.PaymentSucceeded)
	otherAmount.Amount = usd(1)
	yesterday, beforeMidnight := operation("yesterday", domain.PaymentSucceeded), operation("midnight", domain.PaymentSucceeded)
	yesterday.CreatedAt, beforeMidnight.CreatedAt = today.Add(-time.Minute), today.Add(-time.Minute)
	foreign := operation("", domain.PaymentSucceeded)
	ours := []domain.Payment{
		payment("agreed", domain.PaymentRefunded), payment("open", domain.PaymentProcessing), payment("amount", domain.PaymentSucceeded),
		payment("late", domain.PaymentProcessing), payment("early", domain.PaymentSucceeded), payment("twice", domain.PaymentSucceeded),
		payment("midnight", domain.PaymentSucceeded),
	}
	twice := operation("twice", domain.PaymentSucceeded)
	again := twice
	again.Ref = "second"
	b.lists([]ports.Operation{
		operation("agreed", domain.PaymentSucceeded), operation("open", domain.PaymentRequiresAction), otherAmount,
		operation("late", domain.PaymentSucceeded), operation("early", domain.PaymentProcessing), yesterday, beforeMidnight,
		foreign, operation("unpaid", domain.PaymentRequiresAction), twice, again,
	}, ours, append([]domain.Payment{payment("lost", domain.PaymentSucceeded), payment("unsent", domain.PaymentCanceled)}, ours...), nil)
	read := 0
	r, err := b.Reconcile(t.Context(), "stripe", noon, func(n int) { read = n })
	require.NoError(t, err)
	require.Equal(t, 11, read)
	require.Equal(t, today, r.Day)
	require.Equal(t, 12, r.Compared)
	got := map[string]app.DifferenceKind{}
	for _, d := range r.Differences {
		got[string(d.Ours.ID)+"/"+d.Theirs.Ref] = d.Kind
	}
	require.Equal(t, map[string]app.DifferenceKind{
		"amount/ref amount": app.OtherAmount, "late/ref late": app.OtherStatus, "early/ref early": app.OtherStatus,
		"/ref ": app.MissingHere, "lost/": app.MissingThere, "twice/second": app.Doubled,
	}, got)
}

func TestReconcile_Troubles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	quiet := func(int) {}
	_, err := b.Reconcile(t.Context(), "piggybank", noon, quiet)
	require.ErrorIs(t, err, domain.ErrProviderUnknown)
	b.Providers["quiet"] = app.Provider{}
	_, err = b.Reconcile(t.Context(), "quiet", noon, quiet)
	require.ErrorIs(t, err, app.ErrNoStatements)
	b.lists([]ports.Operation{operation("x", domain.PaymentSucceeded)}, nil, nil, errBoom)
	_, err = b.Reconcile(t.Context(), "stripe", noon, quiet)
	require.ErrorIs(t, err, errBoom, "half a list proves nothing")

	for _, arrange := range []func(b *bundle){
		func(b *bundle) {
			b.payments.EXPECT().ByID(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
		},
		func(b *bundle) {
			b.payments.EXPECT().ByID(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, nil)
			b.payments.EXPECT().Between(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, ports.ErrUnavailable)
		},
	} {
		c := setup(t)
		c.stripe.statements.EXPECT().Operations(gomock.Any(), gomock.Any(), gomock.Any()).
			Return(func(func(ports.Operation, error) bool) {})
		arrange(c)
		_, err = c.Reconcile(t.Context(), "stripe", noon, quiet)
		require.ErrorIs(t, err, ports.ErrUnavailable)
	}
}
