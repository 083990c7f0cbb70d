package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

func dispute(t *testing.T) domain.Dispute {
	t.Helper()
	d, err := captured(t).Dispute("d1", domain.DisputeNotice{Ref: "dp_1", Amount: usd(4000), Status: domain.DisputeOpen})
	require.NoError(t, err)
	return d
}

func TestPayment_Dispute_IsAboutCapturedMoney(t *testing.T) {
	t.Parallel()
	require.Equal(t, domain.Dispute{
		ID: "d1", Payment: "p1", Owner: "alice", Wallet: "w1", Provider: "stripe", Ref: "dp_1", Amount: usd(4000), Status: domain.DisputeReceived,
	}, dispute(t))
	for name, notice := range map[string]domain.DisputeNotice{
		"more than was paid": {Ref: "dp_1", Amount: usd(5001)},
		"another currency":   {Ref: "dp_1", Amount: money.Money{Amount: 1, Currency: "EUR"}},
		"nothing":            {Ref: "dp_1", Amount: usd(0)},
	} {
		_, err := captured(t).Dispute("d1", notice)
		require.ErrorIs(t, err, domain.ErrProviderMismatch, name)
	}
	_, err := topUp(t).Dispute("d1", domain.DisputeNotice{Ref: "dp_1", Amount: usd(1)})
	require.ErrorIs(t, err, domain.ErrProviderMismatch, "nothing was captured")
}

func TestDispute_Opening_TakesItFromTheProviderIntoTheReceivable(t *testing.T) {
	t.Parallel()
	require.Equal(t, domain.Posting{
		Order: domain.Order{ID: "t1", From: "owed", To: "sys", Amount: usd(4000), Description: "stripe dispute"},
		Kind:  domain.KindDispute, Dispute: "d1",
	}, dispute(t).Opening("t1", accounts))
}

func TestDispute_Won_UndoesTheOpening(t *testing.T) {
	t.Parallel()
	require.Equal(t, domain.Posting{
		Order: domain.Order{ID: "t1", From: "sys", To: "owed", Amount: usd(4000), Description: "stripe dispute won"},
		Kind:  domain.KindDisputeWon, Dispute: "d1",
	}, dispute(t).Won("t1", accounts))
}

func TestDispute_Recovery_TakesWhatIsThereUpToWhatIsOwed(t *testing.T) {
	t.Parallel()
	d := dispute(t)
	d.Status, d.Recovered = domain.DisputeLost, 1000
	for available, want := range map[int64]int64{10_000: 3000, 3000: 3000, 1: 1} {
		p, some := d.Recovery("t1", usd(available), accounts)
		require.True(t, some)
		require.Equal(t, domain.Posting{
			Order: domain.Order{ID: "t1", Caller: domain.Caller{ID: "alice"}, From: "w1", To: "owed", Amount: usd(want), Description: "stripe dispute lost"},
			Kind:  domain.KindRecovery, Dispute: "d1",
		}, p)
	}
	_, some := d.Recovery("t1", usd(0), accounts)
	require.False(t, some)
	d.Recovered = 4000
	_, some = d.Recovery("t1", usd(500), accounts)
	require.False(t, some)
}
