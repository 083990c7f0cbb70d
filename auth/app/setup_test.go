package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/auth/ports/mocks"
)

var (
	noon    = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	errBoom = errors.New("boom")
	holder  = ports.Bearer{Subject: "u1", SessionID: "s1", AccessToken: "raw"}
	tokens  = ports.Tokens{Access: "a", Refresh: "r", ExpiresIn: time.Minute}
)

const goodPassword = "a river of cold tea"

type bundle struct {
	app         *app.App
	idp         *mocks.MockIdentityProvider
	users       *mocks.MockUsers
	wallets     *mocks.MockWallets
	revocations *mocks.MockRevocations
	letterBox   *mocks.MockLetterBox
	letters     *mocks.MockLetters
	mailer      *mocks.MockMailer
}

func setup(t *testing.T) bundle {
	t.Helper()
	t.Parallel()
	ctrl := gomock.NewController(t)
	b := bundle{
		idp:         mocks.NewMockIdentityProvider(ctrl),
		users:       mocks.NewMockUsers(ctrl),
		wallets:     mocks.NewMockWallets(ctrl),
		revocations: mocks.NewMockRevocations(ctrl),
		letterBox:   mocks.NewMockLetterBox(ctrl),
		letters:     mocks.NewMockLetters(ctrl),
		mailer:      mocks.NewMockMailer(ctrl),
	}
	b.app = app.New(app.Deps{
		Identities: b.idp, Users: b.users, Wallets: b.wallets, Revocations: b.revocations, Text: text{},
		LetterBox: b.letterBox, Letters: b.letters, Mailer: b.mailer, Now: func() time.Time { return noon },
		Passwords: domain.PasswordPolicy{MinLength: domain.DefaultMinPasswordLength},
	})
	return b
}

// text is Unicode enough for a test: the composed é, and one domain name.
type text struct{}

func (text) NFKC(s string) string { return strings.ReplaceAll(s, "e\u0301", "é") }

func (text) HostName(s string) (string, error) {
	switch s {
	case "bücher.example":
		return "xn--bcher-kva.example", nil
	case "bad..host":
		return "", errBoom
	}
	return s, nil
}

func email(t *testing.T, raw string) domain.Email {
	t.Helper()
	e, err := domain.ParseEmail(raw)
	require.NoError(t, err)
	return e
}

func name(t *testing.T, raw string) domain.Name {
	t.Helper()
	n, err := domain.ParseName(raw)
	require.NoError(t, err)
	return n
}

func ann(t *testing.T) domain.User {
	return domain.User{ID: "u1", Email: email(t, "ann@example.com"), Name: name(t, "Ann"), Locale: domain.English, CreatedAt: noon}
}

func annIdentity(t *testing.T) ports.Identity {
	u := ann(t)
	return ports.Identity{Subject: u.ID, Email: u.Email, Name: u.Name, CreatedAt: u.CreatedAt}
}

func requireFaults(t *testing.T, err error, want ...string) {
	t.Helper()
	var invalid domain.Invalid
	require.ErrorAs(t, err, &invalid)
	got := []string{}
	for _, f := range invalid.Fields {
		got = append(got, f.Field+" "+f.Code)
	}
	require.Equal(t, want, got)
}
