package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestRevocationsAfter_ContinuesWhereTheCursorStands(t *testing.T) {
	b := setup(t)
	lines := []ports.Revocation{{Cursor: 8, Kind: ports.RevokedSession, ID: "s"}, {Cursor: 9, Kind: ports.RevokedUser, ID: "u"}}
	b.revocations.EXPECT().After(gomock.Any(), int64(7), 2).Return(lines, nil)
	got, next, err := b.app.RevocationsAfter(t.Context(), "7", 2)
	require.NoError(t, err)
	require.Equal(t, lines, got)
	require.Equal(t, "9", next)
	b.revocations.EXPECT().After(gomock.Any(), int64(9), 500).Return(nil, nil)
	_, next, err = b.app.RevocationsAfter(t.Context(), "9", 0)
	require.NoError(t, err)
	require.Equal(t, "9", next, "an empty page leaves the cursor where it was")
	b.revocations.EXPECT().After(gomock.Any(), int64(0), 500).Return(nil, errBoom)
	_, _, err = b.app.RevocationsAfter(t.Context(), "", 100_000)
	require.ErrorIs(t, err, errBoom)
	for _, cursor := range []string{"x", "-1", "1.0", "+7", "07", "99999999999999999999", " 7"} {
		_, _, err = b.app.RevocationsAfter(t.Context(), cursor, 2)
		require.ErrorIs(t, err, domain.ErrInvalidCursor, cursor)
	}
}

func TestFindUser_KnowsAPersonByAnySpellingOfTheAddress(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().ByEmail(gomock.Any(), email(t, "ann@example.com")).Return(ann(t), nil)
	got, err := b.app.FindUser(t.Context(), "ANN@example.com")
	require.NoError(t, err)
	require.Equal(t, ann(t), got)
	_, err = b.app.FindUser(t.Context(), "ann")
	require.ErrorIs(t, err, domain.ErrUserUnknown)
	b.users.EXPECT().ByEmail(gomock.Any(), gomock.Any()).Return(domain.User{}, errBoom)
	_, err = b.app.FindUser(t.Context(), "bob@example.com")
	require.ErrorIs(t, err, errBoom)
}
