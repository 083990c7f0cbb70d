package localidp_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/localidp"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/contract/authports"
)

func TestProvider_KeepsTheContract(t *testing.T) {
	t.Parallel()
	authports.Identities(t, func(t *testing.T) authports.IdentityProvider {
		b := setup(t)
		return authports.IdentityProvider{
			IdentityProvider: b.Provider, Revocations: b.revocations, MailedCode: b.mailedCode, Bearer: b.bearer,
			Rotates: true, KeepsOwnSession: true, Proof: authports.ProvenLater,
		}
	})
}

func TestAuthenticate_TokensCarryCognitosClaims(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	claims := b.claims(t, tokens.Access)
	noon := float64(b.clock.Now().Unix())
	require.Equal(t, map[string]any{
		"sub": made.Subject, "username": made.Subject, "iss": "https://pay.example", "client_id": "micropay", "token_use": "access",
		"scope": "micropay", "auth_time": noon, "iat": noon, "exp": noon + 900, "jti": claims["jti"], "origin_jti": claims["origin_jti"],
	}, map[string]any(claims))
	require.NotEmpty(t, claims["jti"])
	b.clock.advance(10 * time.Minute)
	next, err := b.Refresh(t.Context(), tokens.Refresh)
	require.NoError(t, err)
	renewed := b.claims(t, next.Access)
	require.Equal(t, claims["origin_jti"], renewed["origin_jti"])
	require.Equal(t, noon, renewed["auth_time"], "refreshing is not signing in")
	require.InDelta(t, noon+600+900, renewed["exp"], 0)
	require.NotEqual(t, claims["jti"], renewed["jti"])
}

func TestAuthenticate_SlowsGuessingAndRefusesEvenTheRightPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	for _, address := range []string{"ann@example.com", "nobody@example.com"} { // and unknown ones look the same
		for range 5 {
			_, err := b.login(t, address, "wrong")
			require.ErrorIs(t, err, domain.ErrInvalidCredentials)
		}
		_, err := b.loginFrom(t, "198.51.100.7", address, password)
		require.Equal(t, time.Second, throttledFor(err), "from another network too")
	}
	done, err := b.replica().Authenticate(t.Context(), ports.Credentials{Email: email(t, "ann@example.com"), Password: password})
	require.Equal(t, time.Second, throttledFor(err), "on a replica and after a restart too")
	require.Zero(t, done)
	b.clock.advance(time.Second)
	_, err = b.login(t, "ann@example.com", "wrong")
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	_, err = b.login(t, "ann@example.com", password)
	require.Equal(t, 2*time.Second, throttledFor(err))
	b.clock.advance(2 * time.Second)
	_, err = b.login(t, "ann@example.com", password)
	require.NoError(t, err, "the owner gets in again")
	for range 5 {
		_, err = b.login(t, "ann@example.com", "wrong")
		require.ErrorIs(t, err, domain.ErrInvalidCredentials, "a success forgives")
	}
}

func TestAuthenticate_SlowsOneNetworkGuessingAtManyAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *localidp.Options) { o.Networks.Free = 4 })
	b.register(t, "ann@example.com")
	for _, from := range []string{"2001:db8::1", "2001:db8::ffff", "2001:db8:0:0:9::", "2001:db8::1%eth0"} {
		_, err := b.loginFrom(t, from, strings.Map(letter, from)+"@example.com", "wrong")
		require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	}
	_, err := b.loginFrom(t, "2001:db8::2", "ann@example.com", password)
	require.Equal(t, time.Second, throttledFor(err), "a customer's whole /64 is one address")
	for _, other := range []string{"2001:db8:0:1::1", "::ffff:192.0.2.1", ""} {
		_, err = b.loginFrom(t, other, "ann@example.com", password)
		require.NoError(t, err)
	}
}

func letter(r rune) rune {
	if r == ':' || r == '%' {
		return 'x'
	}
	return r
}

func TestAuthenticate_ABurstOfGuessesIsMostlyNotJudged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	var (
		guesses sync.WaitGroup
		mu      sync.Mutex
		judged  int
	)
	for range 60 {
		guesses.Go(func() {
			_, err := b.login(t, "ann@example.com", "wrong")
			mu.Lock()
			defer mu.Unlock()
			if throttledFor(err) == 0 {
				judged++
			}
		})
	}
	guesses.Wait()
	require.LessOrEqual(t, judged, 5+b.opts.HashesAtMost)
}

func TestProvider_StoresNoSecretInTheClear(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *localidp.Options) {
		o.Argon2 = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	})
	made := b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
	secrets := []string{password, tokens.Refresh, tokens.Refresh[4:], tokens.Access, b.mailedCode(t, made.Email)}
	for _, table := range []string{"identity", "session", "refresh_token", "mailed_code", "mail_request", "failed_attempt", "users", "revocation"} {
		var rows []string
		require.NoError(t, b.db.Owner.Select(&rows, "SELECT x::text FROM auth."+table+" x"))
		for _, secret := range secrets {
			require.NotContains(t, strings.Join(rows, "\n"), secret, table)
		}
	}
	var hash string
	require.NoError(t, b.db.Owner.Get(&hash, "SELECT password_hash FROM auth.identity"))
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), "at least OWASP's least")
}

func TestRefresh_EndsWithTheSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	b.clock.advance(700 * time.Hour)
	tokens, err = b.Refresh(t.Context(), tokens.Refresh)
	require.NoError(t, err)
	b.clock.advance(20 * time.Hour)
	_, err = b.Refresh(t.Context(), tokens.Refresh)
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken, "rotation does not lengthen a session")
}

func TestRefresh_AGraceLetsALostAnswerBeAskedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *localidp.Options) { o.Refresh.Grace = 10 * time.Second })
	b.register(t, "ann@example.com")
	first, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	_, err = b.Refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	b.clock.advance(9 * time.Second)
	again, err := b.Refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	b.clock.advance(time.Second)
	_, err = b.Refresh(t.Context(), first.Refresh)
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
	_, err = b.Refresh(t.Context(), again.Refresh)
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken, "the family is dead")
}

func TestSignOut_AlsoRefusesATokenOfASessionNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.SignOut(t.Context(), ports.Bearer{Subject: "minted elsewhere", SessionID: "its session"}))
	dead, err := b.revocations.Revoked(t.Context(), "minted elsewhere", "its session", b.clock.Now())
	require.NoError(t, err)
	require.True(t, dead)
	require.NoError(t, b.GlobalSignOut(t.Context(), ports.Bearer{Subject: "no session"}))
	dead, err = b.revocations.Revoked(t.Context(), "no session", "", b.clock.Now())
	require.NoError(t, err)
	require.True(t, dead)
}

func TestChangePassword_GuessingTheCurrentOneIsSlowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	who := b.bearer(t, tokens.Access)
	for range 5 {
		require.ErrorIs(t, b.ChangePassword(t.Context(), who, "wrong", "two oxen in the rain"), domain.ErrInvalidCredentials)
	}
	require.Equal(t, time.Second, throttledFor(b.ChangePassword(t.Context(), who, password, "two oxen in the rain")))
	require.ErrorIs(t, b.ChangePassword(t.Context(), ports.Bearer{Subject: "nobody"}, "x", "y"), domain.ErrInvalidCredentials)
}

func TestResetPassword_LetsAThrottledOwnerIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	for range 9 {
		_, _ = b.login(t, "ann@example.com", "wrong")
	}
	require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
	_, err := b.ResetPassword(t.Context(), made.Email, b.mailedCode(t, made.Email), "two oxen in the rain")
	require.NoError(t, err)
	_, err = b.login(t, "ann@example.com", "two oxen in the rain")
	require.NoError(t, err)
}

func TestResetPassword_ACodeDiesOfGuessingAndOfAge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
	code := b.mailedCode(t, made.Email)
	for range domain.MaxCodeAttempts {
		_, err := b.ResetPassword(t.Context(), made.Email, "0000-0000-0000", "two oxen in the rain")
		require.ErrorIs(t, err, domain.ErrInvalidCode)
	}
	_, err := b.ResetPassword(t.Context(), made.Email, code, "two oxen in the rain")
	require.ErrorIs(t, err, domain.ErrInvalidCode, "guessed at too often")
	require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
	code = b.mailedCode(t, made.Email)
	b.clock.advance(time.Hour)
	_, err = b.ResetPassword(t.Context(), made.Email, code, "two oxen in the rain")
	require.ErrorIs(t, err, domain.ErrInvalidCode, "too old")
}

func TestChangePassword_KillsOutstandingResetCodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
	code := b.mailedCode(t, made.Email)
	require.NoError(t, b.ChangePassword(t.Context(), b.bearer(t, tokens.Access), password, "two oxen in the rain"))
	_, err = b.ResetPassword(t.Context(), made.Email, code, "three oxen in the rain")
	require.ErrorIs(t, err, domain.ErrInvalidCode)
}

func TestProvider_TellsFaultsFromRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	who := b.bearer(t, tokens.Access)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.SignUp(gone, ports.SignUp{Email: email(t, "bob@example.com"), Password: password, Name: name(t, "Bob")})
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.Confirm(gone, made.Email, "0000-0000-0000")
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.Authenticate(gone, ports.Credentials{Email: made.Email, Password: password})
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.Refresh(gone, tokens.Refresh)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.SignOut(gone, who), context.Canceled)
	require.ErrorIs(t, b.ChangePassword(gone, who, password, "x"), context.Canceled)
	require.ErrorIs(t, b.ForgotPassword(gone, made.Email), context.Canceled)
	_, err = b.ResetPassword(gone, made.Email, "0000-0000-0000", "x")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.Delete(gone, made.Subject), context.Canceled)
	require.ErrorIs(t, b.SendDueMail(gone), context.Canceled)
	require.ErrorIs(t, b.KeepHouse(gone), context.Canceled)
	_, err = b.Refresh(t.Context(), tokens.Refresh)
	require.NoError(t, err, "and nothing was changed")
}

func TestAuthenticate_RenewsAHashOfOlderParameters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	hash := func() (h string) {
		require.NoError(t, b.db.Owner.Get(&h, "SELECT password_hash FROM auth.identity"))
		return h
	}
	old := hash()
	_, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.Equal(t, old, hash(), "nothing to renew")
	stronger := b
	stronger.opts.Argon2.Memory, stronger.opts.Argon2.Iterations = 128, 2
	stronger.Provider = stronger.replica()
	_, err = stronger.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.Contains(t, hash(), "$m=128,t=2,p=1$")
	_, err = stronger.login(t, "ann@example.com", password)
	require.NoError(t, err)
}

func TestAuthenticate_ARenewalRefusesNobodyWhoLogsInMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	b.opts.Argon2.Memory, b.opts.HashesAtMost = 16*1024, 8 // slow enough for all to be judged before the first is renewed
	b.Provider = b.replica()
	var logins sync.WaitGroup
	failed := make(chan error, 8)
	for range 8 {
		logins.Go(func() {
			if _, err := b.login(t, "ann@example.com", password); err != nil {
				failed <- err
			}
		})
	}
	logins.Wait()
	close(failed)
	require.NoError(t, <-failed)
}
