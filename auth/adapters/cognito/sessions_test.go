package cognito_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/cognitosim"
)

var errBoom = errors.New("boom")

func TestRefresh_OfASessionSignedOut_EndsItAtCognitoToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	who := bearer(t, done.Tokens.Access)
	require.NoError(t, b.SignOut(t.Context(), who))
	require.Equal(t, 1, b.sim.Alive(who.Subject), "the port gave no refresh token")
	b.sim.Next("RevokeToken", broken, broken, broken)
	for range 2 {
		_, err := b.Refresh(t.Context(), done.Tokens.Refresh)
		require.ErrorIs(t, err, domain.ErrInvalidRefreshToken, "whether or not Cognito listens")
	}
	require.Zero(t, b.sim.Alive(who.Subject))
	require.Len(t, b.feed.lines, 1)
	require.Equal(t, b.clock.Now().Add(720*time.Hour), b.feed.lines[0].ExpiresAt, "kept as long as its refresh token could live")
}

func TestRefresh_AfterAGlobalSignOutThatCognitoNeverHeardOf_IsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	here, there := b.ann(t), b.ann2(t)
	b.sim.Always("AdminUserGlobalSignOut", broken)
	require.ErrorIs(t, b.GlobalSignOut(t.Context(), bearer(t, here.Tokens.Access)), ports.ErrUnavailable)
	b.clock.advance(time.Minute)
	for _, session := range []ports.Authenticated{here, there} {
		_, err := b.Refresh(t.Context(), session.Tokens.Refresh)
		require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
		require.True(t, b.dead(t, session.Tokens.Access))
	}
	require.Zero(t, b.sim.Alive(here.Identity.Subject))
	again, err := b.login(t, password)
	require.NoError(t, err)
	_, err = b.Refresh(t.Context(), again.Tokens.Refresh)
	require.NoError(t, err, "a session begun after it is not meant")
}

// ann2 is another session of ann's.
func (b bundle) ann2(t *testing.T) ports.Authenticated {
	t.Helper()
	done, err := b.login(t, password)
	require.NoError(t, err)
	return done
}

func TestGlobalSignOut_EndsTheBearersSessionWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	b.clock.advance(-3 * time.Second) // ours is behind
	require.NoError(t, b.GlobalSignOut(t.Context(), bearer(t, done.Tokens.Access)))
	require.True(t, b.dead(t, done.Tokens.Access))
}

func TestGlobalSignOut_TheFeedComesFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := bearer(t, b.ann(t).Tokens.Access)
	b.feed.breakWith(errBoom)
	require.ErrorIs(t, b.GlobalSignOut(t.Context(), who), errBoom)
	require.Equal(t, 1, b.sim.Alive(who.Subject), "what cannot be recorded is not done")
	require.Zero(t, b.sim.Calls("AdminUserGlobalSignOut"))
}

func TestChangePassword_EndsTheSessionsBeforeThePasswordIsNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	who := bearer(t, done.Tokens.Access)
	require.ErrorIs(t, b.ChangePassword(t.Context(), who, "wrong", newPassword), domain.ErrInvalidCredentials)
	require.False(t, b.dead(t, done.Tokens.Access), "a guess ends nothing")
	recorded := 0
	b.feed.before = func(ports.Revocation) {
		recorded++
		ann, _ := b.sim.Lookup(address)
		require.Equal(t, password, ann.Password, "a crash here leaves nobody in who should be out")
	}
	b.feed.breakWith(errBoom)
	require.ErrorIs(t, b.ChangePassword(t.Context(), who, password, newPassword), errBoom)
	require.Positive(t, recorded)
	ann, _ := b.sim.Lookup(address)
	require.Equal(t, password, ann.Password)
	b.feed.breakWith(nil)
	require.NoError(t, b.ChangePassword(t.Context(), who, password, newPassword))
	require.Zero(t, b.sim.Alive(who.Subject), "the session that proved the password too")
	require.True(t, b.dead(t, done.Tokens.Access))
}

func TestAuthenticate_InTheSecondOfAGlobalSignOut_WaitsForTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	require.NoError(t, b.GlobalSignOut(t.Context(), bearer(t, done.Tokens.Access)))
	again, err := b.login(t, password)
	require.NoError(t, err)
	require.False(t, b.dead(t, again.Tokens.Access))
	require.Equal(t, []time.Duration{700 * time.Millisecond}, b.clock.waits)
}

func TestAuthenticate_WaitsNoLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	b.clock.advance(time.Hour)
	require.NoError(t, b.GlobalSignOut(t.Context(), bearer(t, done.Tokens.Access)))
	b.clock.advance(-time.Hour) // a clock that is set back has everybody wait for an hour
	_, err := b.login(t, password)
	require.ErrorIs(t, err, ports.ErrUnavailable)
	require.Len(t, b.clock.waits, 2)
	ctx, cancel := context.WithCancel(t.Context())
	b.feed.onLookup = cancel
	_, err = b.Authenticate(ctx, ports.Credentials{Email: email(t, address), Password: password})
	require.ErrorIs(t, err, context.Canceled)
}

func TestAuthenticate_AChallengeIsAClearError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ann(t)
	b.sim.Change(address, func(u *cognitosim.User) { u.Status = "FORCE_CHANGE_PASSWORD" })
	_, err := b.login(t, password)
	require.ErrorContains(t, err, "NEW_PASSWORD_REQUIRED")
	require.NotErrorIs(t, err, ports.ErrUnavailable)
	require.Contains(t, b.logs.String(), "NEW_PASSWORD_REQUIRED")
	require.NotContains(t, err.Error()+b.logs.String(), password)
	b.sim.Change(address, func(u *cognitosim.User) { u.Status = "RESET_REQUIRED" })
	_, err = b.login(t, password)
	require.ErrorIs(t, err, domain.ErrInvalidCredentials, "that the address is known is not told")
}

func TestRefresh_ATokenUsedBefore_EndsItsSession(t *testing.T) {
	t.Parallel()
	b := setup(t, rotating)
	first := b.ann(t).Tokens
	second, err := b.Refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	require.Equal(t, time.Hour, second.ExpiresIn)
	_, err = b.Refresh(t.Context(), first.Refresh)
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
	require.True(t, b.dead(t, second.Access))
	_, err = b.Refresh(t.Context(), second.Refresh)
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
	require.Contains(t, b.logs.String(), "presented again")
	require.NotContains(t, b.logs.String(), first.Refresh)
}

func TestRefresh_BelievesNothingTheClientSaysOfItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	require.NoError(t, b.SignOut(t.Context(), bearer(t, done.Tokens.Access)))
	parts := strings.SplitN(done.Tokens.Refresh, ".", 3)
	const other = "01890000-0000-7000-8000-000000000000"
	for _, forged := range []string{
		parts[0] + "." + other + "." + parts[2], parts[0] + ".." + parts[2], other + "." + parts[1] + "." + parts[2], parts[2], parts[0] + "." + parts[1] + ".",
		parts[0] + "." + parts[1] + "." + strings.Repeat("x", 10_000),
	} {
		_, err := b.Refresh(t.Context(), forged)
		require.Error(t, err, forged)
	}
}

func TestFeed_WhatCannotBeLookedUpLetsNobodyIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	b.feed.breakWith(errBoom)
	_, err := b.login(t, password)
	require.ErrorIs(t, err, errBoom)
	_, err = b.Refresh(t.Context(), done.Tokens.Refresh)
	require.ErrorIs(t, err, errBoom)
	who := bearer(t, done.Tokens.Access)
	require.ErrorIs(t, b.SignOut(t.Context(), who), errBoom)
	require.ErrorIs(t, b.Delete(t.Context(), who.Subject), errBoom)
	b.feed.breakWith(nil)
	require.NoError(t, b.Delete(t.Context(), who.Subject), "it can be asked again")
	require.True(t, b.dead(t, done.Tokens.Access))
}

func TestSignOut_OfATokenWithoutASession_EndsAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	require.NoError(t, b.SignOut(t.Context(), ports.Bearer{Subject: done.Identity.Subject}))
	require.True(t, b.dead(t, done.Tokens.Access))
	require.Zero(t, b.sim.Alive(done.Identity.Subject))
}

func TestRefresh_AForgedSubject_IsNoAlarm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, secret, _ := strings.Cut(b.ann(t).Tokens.Refresh, ".")
	_, err := b.Refresh(t.Context(), "01890000-0000-7000-8000-000000000000."+secret)
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken, "Cognito calls it a wrong secret hash")
	require.Empty(t, b.logs.String())
}

func TestRefresh_AUsedTokenOfNoKnownSession_IsRefusedAsWell(t *testing.T) {
	t.Parallel()
	b := setup(t, rotating)
	first := b.ann(t).Tokens
	_, err := b.Refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	parts := strings.SplitN(first.Refresh, ".", 3)
	_, err = b.Refresh(t.Context(), parts[0]+".."+parts[2])
	require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
	require.Empty(t, b.feed.lines, "whose it is nobody has proven")
}
