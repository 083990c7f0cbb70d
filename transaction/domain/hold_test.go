package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

func hold(t *testing.T) domain.Hold {
	t.Helper()
	h, err := domain.NewHold(order(), noon.Add(time.Hour))
	require.NoError(t, err)
	h.ToOwner = "bob"
	return h
}

func TestNewHold_KeepsMoneyForOneWallet(t *testing.T) {
	t.Parallel()
	require.Equal(t, domain.Hold{
		ID: "t1", Owner: "alice", ToOwner: "bob", From: "w1", To: "w2", Amount: usd(1050), Description: "lunch",
		Status: domain.HoldPending, ExpiresAt: noon.Add(time.Hour),
	}, hold(t))
}

func TestNewHold_RefusesWhatATransferRefuses(t *testing.T) {
	t.Parallel()
	same := order()
	same.To = same.From
	_, err := domain.NewHold(same, noon)
	require.ErrorIs(t, err, domain.ErrSameWallet)
	nothing := order()
	nothing.Amount = usd(0)
	_, err = domain.NewHold(nothing, noon)
	require.ErrorAs(t, err, new(domain.Invalid))
}

func TestHold_Capture_PostsTheWholeOrLess(t *testing.T) {
	t.Parallel()
	key := domain.Key{Value: "k2"}
	p, err := hold(t).Capture(domain.Caller{ID: "bob"}, nil, key)
	require.NoError(t, err)
	want := domain.Posting{Order: order(), Kind: domain.KindTransfer, Hold: "t1"}
	want.Caller, want.Key = domain.Caller{ID: "bob"}, key
	require.Equal(t, want, p, "the transfer has the hold's id")

	part := usd(1)
	p, err = hold(t).Capture(domain.Caller{ID: "alice"}, &part, key)
	require.NoError(t, err)
	require.Equal(t, usd(1), p.Amount)
}

func TestHold_Capture_Refusals(t *testing.T) {
	t.Parallel()
	bob := domain.Caller{ID: "bob"}
	more, zero, euro := usd(1051), usd(0), money.Money{Amount: 1, Currency: "EUR"}
	_, err := hold(t).Capture(bob, &more, domain.Key{})
	require.ErrorIs(t, err, domain.ErrCaptureExceeds)
	_, err = hold(t).Capture(bob, &euro, domain.Key{})
	require.ErrorIs(t, err, domain.ErrCurrencyMismatch)
	_, err = hold(t).Capture(bob, &zero, domain.Key{})
	require.ErrorAs(t, err, new(domain.Invalid))
	_, err = hold(t).Capture(domain.Caller{ID: "mallory"}, nil, domain.Key{})
	require.ErrorIs(t, err, domain.ErrTransferNotFound)
	for _, status := range []domain.HoldStatus{domain.HoldCaptured, domain.HoldVoided, domain.HoldExpired} {
		h := hold(t)
		h.Status = status
		_, err = h.Capture(bob, nil, domain.Key{})
		require.ErrorIs(t, err, domain.ErrHoldEnded)
	}
}

func TestHold_IsSeenByItsTwoSidesAndOperators(t *testing.T) {
	t.Parallel()
	for id, want := range map[domain.OwnerID]bool{"alice": true, "bob": true, "mallory": false, "": false} {
		require.Equal(t, want, hold(t).VisibleTo(domain.Caller{ID: id}), "%q", id)
	}
	require.True(t, hold(t).VisibleTo(domain.Caller{ID: "olga", Operator: true}))
}

func TestHold_OfAPayment_IsNobodysToCapture(t *testing.T) {
	t.Parallel()
	h := hold(t)
	h.ToOwner = ""
	for _, c := range []domain.Caller{{ID: "alice"}, {ID: "olga", Operator: true}} {
		require.False(t, h.VisibleTo(c))
		_, err := h.Capture(c, nil, domain.Key{})
		require.ErrorIs(t, err, domain.ErrTransferNotFound)
	}
}
