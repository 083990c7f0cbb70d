package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestRegister_MakesIdentityAndUserOfOneCanonicalAddress(t *testing.T) {
	b := setup(t)
	want := ann(t)
	b.idp.EXPECT().SignUp(gomock.Any(), ports.SignUp{Email: want.Email, Password: "a café on the canal", Name: want.Name, Locale: domain.English}).Return(annIdentity(t), nil)
	b.users.EXPECT().Ensure(gomock.Any(), want).Return(want, nil)
	got, err := b.app.Register(t.Context(), app.Registration{Email: "ANN@Example.com", Password: "a cafe\u0301 on the canal", Name: " Ann "})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestRegister_KeepsTheLanguageTheyAreWrittenToIn(t *testing.T) {
	b := setup(t)
	want, identity := ann(t), annIdentity(t)
	want.Locale, identity.Locale = domain.Spanish, domain.Spanish
	b.idp.EXPECT().SignUp(gomock.Any(), gomock.Cond(func(in ports.SignUp) bool { return in.Locale == domain.Spanish })).Return(identity, nil)
	b.users.EXPECT().Ensure(gomock.Any(), want).Return(want, nil)
	_, err := b.app.Register(t.Context(), app.Registration{Email: "ann@example.com", Password: goodPassword, Name: "Ann", Locale: "es-MX"})
	require.NoError(t, err)
	_, err = b.app.Register(t.Context(), app.Registration{Email: "ann@example.com", Password: goodPassword, Name: "Ann", Locale: "e"})
	requireFaults(t, err, "locale malformed")
}

func TestRegister_NamesEveryBadField(t *testing.T) {
	b := setup(t)
	_, err := b.app.Register(t.Context(), app.Registration{Email: "ann", Password: "short", Name: ""})
	requireFaults(t, err, "email malformed", "password too_short", "name required")
}

func TestRegister_RefusesAPasswordMadeOfTheName(t *testing.T) {
	b := setup(t)
	_, err := b.app.Register(t.Context(), app.Registration{Email: "ann@example.com", Password: "Annabel Lee 12345", Name: "Annabel Lee"})
	requireFaults(t, err, "password too_personal")
}

func TestRegister_WritesAnInternationalDomainInItsASCIIForm(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().SignUp(gomock.Any(), gomock.Cond(func(in ports.SignUp) bool {
		return in.Email.String() == "ann@xn--bcher-kva.example"
	})).Return(ports.Identity{}, domain.ErrEmailTaken)
	_, err := b.app.Register(t.Context(), app.Registration{Email: "ann@bücher.example", Password: goodPassword, Name: "Ann"})
	require.ErrorIs(t, err, domain.ErrEmailTaken)
	_, err = b.app.Register(t.Context(), app.Registration{Email: "ann@bad..host", Password: goodPassword, Name: "Ann"})
	requireFaults(t, err, "email malformed")
}

func TestRegister_TellsWhenTheUserCannotBeStored(t *testing.T) {
	b := setup(t)
	b.idp.EXPECT().SignUp(gomock.Any(), gomock.Any()).Return(annIdentity(t), nil)
	b.users.EXPECT().Ensure(gomock.Any(), gomock.Any()).Return(domain.User{}, errBoom)
	_, err := b.app.Register(t.Context(), app.Registration{Email: "ann@example.com", Password: goodPassword, Name: "Ann"})
	require.ErrorIs(t, err, errBoom)
}
