package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
	"github.com/micropay/micropay/transaction/ports/mocks"
)

// comes has the inbox run what an event is to do on effects that are mocked.
func (b *bundle) comes(t *testing.T, e app.Occurrence) *mocks.MockEffects {
	t.Helper()
	effects := mocks.NewMockEffects(gomock.NewController(t))
	b.inbox.EXPECT().Once(gomock.Any(), e.ID, e.Type, gomock.Any()).DoAndReturn(
		func(ctx context.Context, _, _ string, effect func(context.Context, ports.Effects) error) error {
			return effect(ctx, effects)
		})
	return effects
}

func TestUserRegistered_GivesThemTheirWallet(t *testing.T) {
	t.Parallel()
	b, e := setup(t), app.Occurrence{ID: "e1", Type: "registered"}
	first, err := domain.NewWallet("id1", "alice", "USD", "USD")
	require.NoError(t, err)
	b.comes(t, e).EXPECT().AddDefault(gomock.Any(), first).Return(nil)
	require.NoError(t, b.UserRegistered(t.Context(), e, "alice"))
}

func TestUserRegistered_AfterTheyLeft_DoesNothing(t *testing.T) {
	t.Parallel()
	b, e, boom := setup(t), app.Occurrence{ID: "e1", Type: "registered"}, errors.New("boom")
	b.comes(t, e).EXPECT().AddDefault(gomock.Any(), gomock.Any()).Return(domain.ErrOwnerClosed)
	require.NoError(t, b.UserRegistered(t.Context(), e, "alice"))
	b.comes(t, e).EXPECT().AddDefault(gomock.Any(), gomock.Any()).Return(boom)
	require.ErrorIs(t, b.UserRegistered(t.Context(), e, "alice"), boom)
	b.DefaultCurrency = ""
	require.Error(t, b.UserRegistered(t.Context(), e, "alice"))
}

func TestUserSignedOut_IsRevoked(t *testing.T) {
	t.Parallel()
	b, e := setup(t), app.Occurrence{ID: "e1", Type: "signed out"}
	b.comes(t, e).EXPECT().Revoke(gomock.Any(), session("s1")).Return(nil)
	require.NoError(t, b.UserSignedOut(t.Context(), e, session("s1")))
}

func TestUserDeleted_OpensNoMoreWallets(t *testing.T) {
	t.Parallel()
	b, e := setup(t), app.Occurrence{ID: "e1", Type: "deleted"}
	b.comes(t, e).EXPECT().CloseOwner(gomock.Any(), domain.OwnerID("alice")).Return(domain.ErrWalletsNotClosed)
	require.ErrorIs(t, b.UserDeleted(t.Context(), e, "alice"), domain.ErrWalletsNotClosed)
}
