package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestDeleteMe_RefusesWhileWalletsAreOpen(t *testing.T) {
	b := setup(t)
	b.wallets.EXPECT().CloseOwner(gomock.Any(), "u1").Return(domain.ErrWalletsNotClosed)
	require.ErrorIs(t, b.app.DeleteMe(t.Context(), holder), domain.ErrWalletsNotClosed) // and nothing else was called
}

func TestDeleteMe_ForgetsTheUserBeforeTheIdentity(t *testing.T) {
	b := setup(t)
	gomock.InOrder(
		b.wallets.EXPECT().CloseOwner(gomock.Any(), "u1").Return(nil),
		b.users.EXPECT().Delete(gomock.Any(), "u1").Return(nil),
		b.idp.EXPECT().Delete(gomock.Any(), "u1").Return(nil))
	require.NoError(t, b.app.DeleteMe(t.Context(), holder))
}

func TestDeleteMe_CanBeRepeatedAfterAFault(t *testing.T) {
	b := setup(t)
	b.wallets.EXPECT().CloseOwner(gomock.Any(), "u1").Return(nil).Times(2)
	b.users.EXPECT().Delete(gomock.Any(), "u1").Return(errBoom)
	require.ErrorIs(t, b.app.DeleteMe(t.Context(), holder), errBoom)
	b.users.EXPECT().Delete(gomock.Any(), "u1").Return(nil)
	b.idp.EXPECT().Delete(gomock.Any(), "u1").Return(errBoom)
	require.ErrorIs(t, b.app.DeleteMe(t.Context(), holder), errBoom)
}

func TestChangeProfile_ChangesOnlyWhatIsGivenAndGood(t *testing.T) {
	b := setup(t)
	changed := ann(t)
	changed.Name, changed.Locale = name(t, "Annabel"), domain.Spanish
	text := func(s string) *string { return &s }
	b.users.EXPECT().Change(gomock.Any(), "u1", ports.ProfileChange{Name: &changed.Name}).Return(changed, nil)
	got, err := b.app.ChangeProfile(t.Context(), holder, app.ProfileChange{Name: text(" Annabel ")})
	require.NoError(t, err)
	require.Equal(t, changed, got)
	b.users.EXPECT().Change(gomock.Any(), "u1", ports.ProfileChange{Locale: &changed.Locale}).Return(domain.User{}, domain.ErrUserUnknown)
	_, err = b.app.ChangeProfile(t.Context(), holder, app.ProfileChange{Locale: text("es-MX")})
	require.ErrorIs(t, err, domain.ErrUserUnknown)
	_, err = b.app.ChangeProfile(t.Context(), holder, app.ProfileChange{Name: text("A\nB"), Locale: text("e")})
	requireFaults(t, err, "name not_text", "locale malformed")
}

func TestMe_IsTheBearer(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil)
	got, err := b.app.Me(t.Context(), holder)
	require.NoError(t, err)
	require.Equal(t, ann(t), got)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, domain.ErrUserUnknown)
	_, err = b.app.Me(t.Context(), holder)
	require.ErrorIs(t, err, domain.ErrUserUnknown)
}
