package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestLogin_TakesTheAddressInAnyForm(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().Authenticate(gomock.Any(), ports.Credentials{Email: email(t, "ann@example.com"), Password: "a café on the canal", Address: "10.0.0.1"}).
		Return(ports.Authenticated{Identity: annIdentity(t), Tokens: tokens}, nil)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil)
	got, err := b.app.Login(t.Context(), app.Credentials{Email: "Ann@EXAMPLE.com", Password: "a cafe\u0301 on the canal", Address: "10.0.0.1"})
	require.NoError(t, err)
	require.Equal(t, tokens, got)
}

func TestLogin_RefusesWhatCannotBeAnAddressLikeAWrongPassword(t *testing.T) {
	b := setup(t)
	_, err := b.app.Login(t.Context(), app.Credentials{Email: "nobody", Password: "x"})
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
}

func TestLogin_PassesOnRefusalAndThrottle(t *testing.T) {
	b := setup(t)
	wait := domain.Throttled{RetryAfter: time.Minute}
	b.idp.EXPECT().Authenticate(gomock.Any(), gomock.Any()).Return(ports.Authenticated{}, wait)
	_, err := b.app.Login(t.Context(), app.Credentials{Email: "ann@example.com", Password: "x"})
	var got domain.Throttled
	require.ErrorAs(t, err, &got)
	require.Equal(t, wait, got)
}

func login(t *testing.T, b bundle, identity ports.Identity) (ports.Tokens, error) {
	t.Helper()
	b.idp.EXPECT().Authenticate(gomock.Any(), gomock.Any()).Return(ports.Authenticated{Identity: identity, Tokens: tokens}, nil)
	return b.app.Login(t.Context(), app.Credentials{Email: "ann@example.com", Password: goodPassword})
}

// kill -9 between the identity and the user of a registration must not lock anybody out.
func TestLogin_RestoresAUserWhoseRegistrationWasCutShort(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, domain.ErrUserUnknown)
	b.users.EXPECT().Ensure(gomock.Any(), ann(t)).Return(ann(t), nil)
	got, err := login(t, b, annIdentity(t))
	require.NoError(t, err)
	require.Equal(t, tokens, got)
}

func TestLogin_FinishesADeletionThatWasCutShort(t *testing.T) {
	b := setup(t)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, domain.ErrUserUnknown)
	b.users.EXPECT().Ensure(gomock.Any(), gomock.Any()).Return(domain.User{}, domain.ErrUserUnknown)
	b.idp.EXPECT().Delete(gomock.Any(), "u1").Return(nil)
	got, err := login(t, b, annIdentity(t))
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	require.Zero(t, got)
}

func TestLogin_CatchesUpWithAnAddressVerifiedAtTheProvider(t *testing.T) {
	b := setup(t)
	verified := annIdentity(t)
	verified.EmailVerified = true
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil)
	b.users.EXPECT().MarkVerified(gomock.Any(), "u1").Return(nil)
	_, err := login(t, b, verified)
	require.NoError(t, err)
}

func TestLogin_TellsWhenTheUserCannotBeRead(t *testing.T) {
	b := setup(t)
	verified := annIdentity(t)
	verified.EmailVerified = true
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, errBoom)
	_, err := login(t, b, verified)
	require.ErrorIs(t, err, errBoom)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(ann(t), nil)
	b.users.EXPECT().MarkVerified(gomock.Any(), "u1").Return(errBoom)
	_, err = login(t, b, verified)
	require.ErrorIs(t, err, errBoom)
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(domain.User{}, domain.ErrUserUnknown)
	b.users.EXPECT().Ensure(gomock.Any(), gomock.Any()).Return(domain.User{}, domain.ErrUserUnknown)
	b.idp.EXPECT().Delete(gomock.Any(), "u1").Return(errBoom)
	_, err = login(t, b, verified)
	require.ErrorIs(t, err, errBoom)
}

func TestLogin_MayDemandAProvenAddress(t *testing.T) {
	b := setup(t)
	b.app.VerifiedOnly = true
	_, err := login(t, b, annIdentity(t))
	require.ErrorIs(t, err, domain.ErrEmailNotVerified)
	proven := annIdentity(t)
	proven.EmailVerified = true
	verified := ann(t)
	verified.EmailVerified = true
	b.users.EXPECT().ByID(gomock.Any(), "u1").Return(verified, nil)
	_, err = login(t, b, proven)
	require.NoError(t, err)
}
