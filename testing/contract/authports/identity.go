package authports

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// IdentityProvider is a provider to be tested: with it come the mailbox its codes go to, the feed
// it records ended sessions in, and a way to read whose session an access token is of.
//
// The other fields say where a managed provider and ours differ by their nature.
type IdentityProvider struct {
	ports.IdentityProvider
	Revocations ports.Revocations
	MailedCode  func(t *testing.T, to domain.Email) string // the newest; nil: nobody can read them
	Bearer      func(t *testing.T, accessToken string) ports.Bearer

	Rotates         bool    // a refresh token is good once; else it stays good as long as its session
	KeepsOwnSession bool    // changing the password leaves the bearer's own session alive
	Proof           Proving // when an address is proven
}

// Proving is when an address is proven.
type Proving int

// The times.
const (
	ProvenLater  Proving = iota // people sign in before
	ProvenFirst                 // nobody signs in before
	ProvenAtOnce                // by signing up: nothing is asked, and a sign-up cut short can be said again
)

const (
	password    = "a river of cold tea"
	newPassword = "two oxen in the rain"
)

// Identities is the suite of ports.IdentityProvider.
func Identities(t *testing.T, open func(*testing.T) IdentityProvider) {
	t.Run("sign up and sign in", func(t *testing.T) { t.Parallel(); signUpAndIn(t, open(t)) })
	t.Run("one address has one identity, however many sign up at once", func(t *testing.T) {
		t.Parallel()
		racingToSignUp(t, open(t))
	})
	t.Run("the language is kept with the identity", func(t *testing.T) {
		t.Parallel()
		idp := open(t)
		made, err := idp.SignUp(t.Context(), ports.SignUp{Email: email(t, "ana@example.com"), Password: password, Name: name(t, "Ana"), Locale: domain.Spanish})
		require.NoError(t, err)
		require.Equal(t, domain.Spanish, made.Locale)
		if idp.Proof != ProvenFirst {
			done, err := idp.login(t, "ana@example.com", password)
			require.NoError(t, err)
			require.Equal(t, domain.Spanish, done.Identity.Locale)
		}
	})
	t.Run("a refresh token is good once, and using it again ends the session", func(t *testing.T) {
		t.Parallel()
		refreshing(t, open(t))
	})
	t.Run("of many refreshes with one token at most one wins", func(t *testing.T) {
		t.Parallel()
		idp := open(t)
		_, first := idp.person(t, "ann@example.com")
		outcomes := raceOf(8, func(int) error { _, err := idp.Refresh(t.Context(), first.Refresh); return err })
		if !idp.Rotates {
			require.Equal(t, map[string]int{"": 8}, outcomes)
			return
		}
		require.LessOrEqual(t, outcomes[""], 1)
		require.Equal(t, 8, outcomes[""]+outcomes[domain.ErrInvalidRefreshToken.Error()])
	})
	t.Run("signing out ends one session, globally all", func(t *testing.T) { t.Parallel(); signingOut(t, open(t)) })
	t.Run("a changed password ends the other sessions", func(t *testing.T) { t.Parallel(); changingPassword(t, open(t)) })
	t.Run("a forgotten password is reset by mail, once", func(t *testing.T) { t.Parallel(); resettingPassword(t, open(t)) })
	t.Run("an address is confirmed by mail", func(t *testing.T) { t.Parallel(); confirming(t, open(t)) })
	t.Run("a deleted identity is gone and its address free", func(t *testing.T) { t.Parallel(); deleting(t, open(t)) })
}

func (idp IdentityProvider) person(t *testing.T, address string) (ports.Identity, ports.Tokens) {
	t.Helper()
	made, err := idp.SignUp(t.Context(), ports.SignUp{Email: email(t, address), Password: password, Name: name(t, "Ann")})
	require.NoError(t, err)
	idp.proveIfAsked(t, made)
	done, err := idp.login(t, address, password)
	require.NoError(t, err)
	return done.Identity, done.Tokens
}

// proveIfAsked proves the address where nobody signs in before, and returns what is known then.
func (idp IdentityProvider) proveIfAsked(t *testing.T, made ports.Identity) ports.Identity {
	t.Helper()
	if idp.Proof == ProvenFirst {
		_, err := idp.login(t, made.Email.String(), password)
		require.ErrorIs(t, err, domain.ErrEmailNotVerified)
		made, err = idp.Confirm(t.Context(), made.Email, idp.MailedCode(t, made.Email))
		require.NoError(t, err)
	}
	return made
}

func (idp IdentityProvider) login(t *testing.T, address, password string) (ports.Authenticated, error) {
	t.Helper()
	return idp.Authenticate(t.Context(), ports.Credentials{Email: email(t, address), Password: password, Address: "192.0.2.1"})
}

// requireDead demands that neither token of a session works any more.
func (idp IdentityProvider) requireDead(t *testing.T, tokens ports.Tokens) {
	t.Helper()
	_, err := idp.Refresh(t.Context(), tokens.Refresh)
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
	who := idp.Bearer(t, tokens.Access)
	requireRevoked(t, idp.Revocations, true, who.Subject, who.SessionID, issuedAt(t, tokens.Access))
}

func (idp IdentityProvider) requireAlive(t *testing.T, tokens ports.Tokens) {
	t.Helper()
	who := idp.Bearer(t, tokens.Access)
	requireRevoked(t, idp.Revocations, false, who.Subject, who.SessionID, issuedAt(t, tokens.Access))
	_, err := idp.Refresh(t.Context(), tokens.Refresh)
	require.NoError(t, err)
}

func issuedAt(t *testing.T, accessToken string) time.Time {
	t.Helper()
	token, _, err := jwt.NewParser().ParseUnverified(accessToken, jwt.MapClaims{})
	require.NoError(t, err)
	at, err := token.Claims.GetIssuedAt()
	require.NoError(t, err)
	return at.Time
}

// racingToSignUp: where a sign-up can be said again, those who say the same are one person.
func racingToSignUp(t *testing.T, idp IdentityProvider) {
	made := make([]ports.Identity, 10)
	outcomes := raceOf(len(made), func(i int) (err error) {
		made[i], err = idp.SignUp(t.Context(), ports.SignUp{Email: email(t, "ann@example.com"), Password: password, Name: name(t, "Ann")})
		return err
	})
	subjects := map[string]bool{}
	for _, m := range made {
		subjects[m.Subject] = true
	}
	delete(subjects, "") // of those who were refused
	require.Len(t, subjects, 1)
	require.Equal(t, 10, outcomes[""]+outcomes[domain.ErrEmailTaken.Error()])
	if idp.Proof != ProvenAtOnce {
		require.Equal(t, 1, outcomes[""])
	}
}

func signUpAndIn(t *testing.T, idp IdentityProvider) {
	address, ann := email(t, "ann@example.com"), name(t, "Ann")
	made, err := idp.SignUp(t.Context(), ports.SignUp{Email: address, Password: password, Name: ann})
	require.NoError(t, err)
	require.NotEmpty(t, made.Subject)
	made = idp.proveIfAsked(t, made)
	done, err := idp.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.Equal(t, made, done.Identity)
	require.Equal(t, made.Subject, idp.Bearer(t, done.Tokens.Access).Subject)
	require.Positive(t, done.Tokens.ExpiresIn)
	again, err := idp.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.NotEqual(t, idp.Bearer(t, done.Tokens.Access).SessionID, idp.Bearer(t, again.Tokens.Access).SessionID)
	for _, c := range []struct{ address, password string }{
		{"ann@example.com", password + " "}, {"ann@example.com", ""}, {"bob@example.com", password},
	} {
		_, err := idp.login(t, c.address, c.password)
		require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	}
}

func refreshing(t *testing.T, idp IdentityProvider) {
	_, first := idp.person(t, "ann@example.com")
	second, err := idp.Refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	require.Equal(t, idp.Bearer(t, first.Access).SessionID, idp.Bearer(t, second.Access).SessionID)
	if idp.Rotates {
		require.NotEqual(t, first.Refresh, second.Refresh)
	} else {
		idp.requireAlive(t, first)
		idp.requireAlive(t, second)
		require.NoError(t, idp.SignOut(t.Context(), idp.Bearer(t, second.Access)))
	}
	idp.requireDead(t, ports.Tokens{Refresh: first.Refresh, Access: first.Access})
	idp.requireDead(t, second)
	for _, junk := range []string{"", "junk", first.Access} {
		_, err := idp.Refresh(t.Context(), junk)
		require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
	}
}

func signingOut(t *testing.T, idp IdentityProvider) {
	_, here := idp.person(t, "ann@example.com")
	there, err := idp.login(t, "ann@example.com", password)
	require.NoError(t, err)
	who := idp.Bearer(t, here.Access)
	require.NoError(t, idp.SignOut(t.Context(), who))
	require.NoError(t, idp.SignOut(t.Context(), who), "twice is no error")
	idp.requireDead(t, here)
	idp.requireAlive(t, there.Tokens)
	third, err := idp.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.NoError(t, idp.GlobalSignOut(t.Context(), idp.Bearer(t, third.Tokens.Access)))
	idp.requireDead(t, third.Tokens)
	idp.requireDead(t, there.Tokens)
	again, err := idp.login(t, "ann@example.com", password)
	require.NoError(t, err)
	idp.requireAlive(t, again.Tokens)
}

func changingPassword(t *testing.T, idp IdentityProvider) {
	_, here := idp.person(t, "ann@example.com")
	there, err := idp.login(t, "ann@example.com", password)
	require.NoError(t, err)
	who := idp.Bearer(t, here.Access)
	require.ErrorIs(t, idp.ChangePassword(t.Context(), who, "wrong", newPassword), domain.ErrInvalidCredentials)
	require.NoError(t, idp.ChangePassword(t.Context(), who, password, newPassword))
	idp.requireDead(t, there.Tokens)
	if idp.KeepsOwnSession {
		idp.requireAlive(t, here)
	} else {
		idp.requireDead(t, here)
	}
	_, err = idp.login(t, "ann@example.com", password)
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	_, err = idp.login(t, "ann@example.com", newPassword)
	require.NoError(t, err)
}

func resettingPassword(t *testing.T, idp IdentityProvider) {
	made, before := idp.person(t, "ann@example.com")
	idp.person(t, "bob@example.com")
	require.NoError(t, idp.ForgotPassword(t.Context(), email(t, "nobody@example.com")))
	require.NoError(t, idp.ForgotPassword(t.Context(), made.Email))
	if idp.MailedCode == nil {
		return
	}
	code := idp.MailedCode(t, made.Email)
	_, err := idp.ResetPassword(t.Context(), email(t, "bob@example.com"), code, newPassword)
	require.ErrorIs(t, err, domain.ErrInvalidCode, "a code is good for one address")
	_, err = idp.Confirm(t.Context(), made.Email, code)
	require.ErrorIs(t, err, domain.ErrInvalidCode, "and for one purpose")
	got, err := idp.ResetPassword(t.Context(), made.Email, code, newPassword)
	require.NoError(t, err)
	require.Equal(t, made.Subject, got.Subject)
	require.True(t, got.EmailVerified)
	_, err = idp.ResetPassword(t.Context(), made.Email, code, password)
	require.ErrorIs(t, err, domain.ErrInvalidCode, "once")
	idp.requireDead(t, before)
	_, err = idp.login(t, "ann@example.com", newPassword)
	require.NoError(t, err)
	_, err = idp.login(t, "ann@example.com", password)
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
}

func confirming(t *testing.T, idp IdentityProvider) {
	made, err := idp.SignUp(t.Context(), ports.SignUp{Email: email(t, "ann@example.com"), Password: password, Name: name(t, "Ann")})
	require.NoError(t, err)
	require.Equal(t, idp.Proof == ProvenAtOnce, made.EmailVerified)
	if idp.Proof == ProvenAtOnce || idp.MailedCode == nil {
		return
	}
	code := idp.MailedCode(t, made.Email)
	for _, wrong := range []string{"", "0000-0000-0000", "junk", "' OR 1=1 --"} {
		_, err := idp.Confirm(t.Context(), made.Email, wrong)
		require.ErrorIs(t, err, domain.ErrInvalidCode)
	}
	_, err = idp.Confirm(t.Context(), email(t, "nobody@example.com"), code)
	require.ErrorIs(t, err, domain.ErrInvalidCode)
	got, err := idp.Confirm(t.Context(), made.Email, code)
	require.NoError(t, err)
	require.Equal(t, made.Subject, got.Subject)
	done, err := idp.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.True(t, done.Identity.EmailVerified)
	_, err = idp.Confirm(t.Context(), made.Email, code)
	require.ErrorIs(t, err, domain.ErrInvalidCode, "once")
}

func deleting(t *testing.T, idp IdentityProvider) {
	made, tokens := idp.person(t, "ann@example.com")
	require.NoError(t, idp.Delete(t.Context(), made.Subject))
	require.NoError(t, idp.Delete(t.Context(), made.Subject), "twice is no error")
	idp.requireDead(t, tokens)
	_, err := idp.login(t, "ann@example.com", password)
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	next, _ := idp.person(t, "ann@example.com")
	require.NotEqual(t, made.Subject, next.Subject)
}
