package app_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
	"github.com/micropay/micropay/transaction/ports/mocks"
)

// gate is a ledger that writes down each group it gets and answers it when told to.
type gate struct {
	groups  chan []domain.TransferID
	answers chan error
}

func newGate(t *testing.T) (*app.GroupCommitter, gate) {
	t.Helper()
	g := gate{make(chan []domain.TransferID, 100), make(chan error, 100)}
	ledger := mocks.NewMockLedger(gomock.NewController(t))
	ledger.EXPECT().Post(gomock.Any(), gomock.Any()).AnyTimes().DoAndReturn(
		func(_ context.Context, group []domain.Posting) ([]ports.Posted, error) {
			var ids []domain.TransferID
			var answer []ports.Posted
			for _, p := range group {
				ids = append(ids, p.ID)
				answer = append(answer, ports.Posted{Transfer: p.ID})
			}
			g.groups <- ids
			return answer, <-g.answers
		})
	return app.NewGroupCommitter(ledger, 3, time.Minute), g
}

func posting(id, key string) domain.Posting {
	return domain.Posting{Order: domain.Order{
		ID: domain.TransferID(id), Caller: alice, From: "w1", To: "w2", Amount: usd(1), Key: domain.Key{Value: key},
	}}
}

// post posts in the background and returns where the error will be.
func post(ctx context.Context, c *app.GroupCommitter, p domain.Posting) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Post(ctx, p)
		done <- err
	}()
	synctest.Wait()
	return done
}

func TestGroupCommitter_GathersWhileOneGroupCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, g := newGate(t)
		first := post(t.Context(), c, posting("a", "ka"))
		require.Equal(t, []domain.TransferID{"a"}, <-g.groups, "an idle ledger commits at once")

		var rest []<-chan error
		for _, id := range []string{"b", "c", "d", "e"} {
			rest = append(rest, post(t.Context(), c, posting(id, "k"+id)))
		}
		require.Empty(t, g.groups, "nothing is sent while a group is under way")
		g.answers <- nil
		require.NoError(t, <-first)
		require.Equal(t, []domain.TransferID{"b", "c", "d"}, <-g.groups, "up to three go together")
		g.answers <- nil
		require.Equal(t, []domain.TransferID{"e"}, <-g.groups)
		g.answers <- nil
		for _, done := range rest {
			require.NoError(t, <-done)
		}
	})
}

func TestGroupCommitter_SameKeyWaitsForTheGroupAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, g := newGate(t)
		post(t.Context(), c, posting("a", "k"))
		<-g.groups
		post(t.Context(), c, posting("b", "same"))
		post(t.Context(), c, posting("c", "same"))
		post(t.Context(), c, posting("d", ""))
		post(t.Context(), c, posting("e", ""))
		g.answers <- nil
		require.Equal(t, []domain.TransferID{"b", "d", "e"}, <-g.groups, "postings without a key are all different")
		g.answers <- nil
		require.Equal(t, []domain.TransferID{"c"}, <-g.groups)
		g.answers <- nil
	})
}

func TestGroupCommitter_WhoLeftIsLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, g := newGate(t)
		ctx, leave := context.WithCancel(t.Context())
		under := post(ctx, c, posting("a", "ka"))
		<-g.groups
		gone := post(ctx, c, posting("b", "kb"))
		stays := post(t.Context(), c, posting("c", "kc"))
		leave()
		require.ErrorIs(t, <-under, context.Canceled, "its outcome is not known to who does not wait")
		require.ErrorIs(t, <-gone, context.Canceled)
		g.answers <- nil
		require.Equal(t, []domain.TransferID{"c"}, <-g.groups)
		g.answers <- nil
		require.NoError(t, <-stays)
	})
}

func TestGroupCommitter_OnePoisonedPostingFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, g := newGate(t)
		post(t.Context(), c, posting("a", "ka"))
		<-g.groups
		good, bad := post(t.Context(), c, posting("b", "kb")), post(t.Context(), c, posting("c", "kc"))
		poison := errors.New("poison")
		for _, answer := range []error{nil, poison, nil, poison} { // a, then both, then b, then c
			g.answers <- answer
		}
		require.NoError(t, <-good)
		require.ErrorIs(t, <-bad, poison)
	})
}

func TestGroupCommitter_DoesNotRepeatWhenTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, g := newGate(t)
		post(t.Context(), c, posting("a", "ka"))
		b, d := post(t.Context(), c, posting("b", "kb")), post(t.Context(), c, posting("d", "kd"))
		g.answers <- nil
		g.answers <- ports.ErrUnavailable
		require.ErrorIs(t, <-b, ports.ErrUnavailable)
		require.ErrorIs(t, <-d, ports.ErrUnavailable)
		require.Len(t, g.groups, 2)
	})
}
