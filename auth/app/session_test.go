package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestRefresh_ExchangesTheToken(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().Refresh(gomock.Any(), "old").Return(tokens, nil)
	got, err := b.app.Refresh(t.Context(), "old")
	require.NoError(t, err)
	require.Equal(t, tokens, got)
	b.idp.EXPECT().Refresh(gomock.Any(), "used").Return(ports.Tokens{}, domain.ErrInvalidRefreshToken)
	_, err = b.app.Refresh(t.Context(), "used")
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
}

func TestLogout_EndsThisSessionUnlessAskedForAll(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().SignOut(gomock.Any(), holder).Return(nil)
	require.NoError(t, b.app.Logout(t.Context(), holder, app.ThisSession))
	b.idp.EXPECT().GlobalSignOut(gomock.Any(), holder).Return(nil)
	require.NoError(t, b.app.Logout(t.Context(), holder, app.Everywhere))
	b.idp.EXPECT().SignOut(gomock.Any(), holder).Return(errBoom)
	require.ErrorIs(t, b.app.Logout(t.Context(), holder, app.ThisSession), errBoom)
}
