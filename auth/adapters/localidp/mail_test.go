package localidp_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/localidp"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func (b bundle) promised(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, b.db.Owner.Get(&n, "SELECT count(*) FROM auth.mail_request"))
	return n
}

func TestMail_IsPromisedBeforeItIsWrittenAndSurvivesTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	require.Empty(t, b.mail.codes(made.Email))
	require.Equal(t, 1, b.promised(t), "stored with the identity")
	require.NoError(t, b.replica().SendDueMail(t.Context()), "whoever comes next writes it")
	require.Len(t, b.mail.codes(made.Email), 1)
	require.Zero(t, b.promised(t))
}

func TestMail_IsTriedAgainUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	b.mail.breakWith(errors.New("mail system down"))
	require.NoError(t, b.SendDueMail(t.Context()))
	b.mail.breakWith(nil)
	require.NoError(t, b.SendDueMail(t.Context()))
	require.Empty(t, b.mail.codes(made.Email), "not before its time")
	b.clock.advance(2 * time.Second)
	_, err := b.Confirm(t.Context(), made.Email, b.mailedCode(t, made.Email))
	require.NoError(t, err)
}

func TestMail_IsGivenUpAtLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	b.mail.breakWith(errors.New("no such mailbox"))
	for range 30 {
		require.NoError(t, b.SendDueMail(t.Context()))
		b.clock.advance(time.Hour)
	}
	require.Zero(t, b.promised(t))
}

func TestMail_ThatWillNeverBeAccepted_IsGivenUpAtOnceWithoutTheAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	b.mail.breakWith(fmt.Errorf("refused: %w", ports.ErrUndeliverable))
	require.NoError(t, b.SendDueMail(t.Context()))
	require.Zero(t, b.promised(t))
	require.Contains(t, b.log.String(), `"level":"ERROR"`)
	require.Contains(t, b.log.String(), `"purpose":"verify"`)
	require.NotContains(t, b.log.String(), "ann", "the address is nobody's business")
	b.mail.breakWith(nil)
	b.clock.advance(2 * time.Hour)
	require.NoError(t, b.SendDueMail(t.Context()))
	require.Empty(t, b.mail.codes(made.Email))
	require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
	require.NotEmpty(t, b.mailedCode(t, made.Email), "the next mail is judged afresh")
}

func TestMail_WhileTheMailSystemIsAway_IsNotTakenForMailThatWasHad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	b.mail.breakWith(ports.ErrUnavailable)
	for range b.opts.MailsHour + 3 { // all within the hour
		require.NoError(t, b.SendDueMail(t.Context()))
		b.clock.advance(5 * time.Minute)
	}
	require.Equal(t, 1, b.promised(t))
	b.mail.breakWith(nil)
	require.NotEmpty(t, b.mailedCode(t, made.Email))
	require.Len(t, b.mail.codes(made.Email), 1)
}

func TestMail_NobodyIsFloodedAndAnUnknownAddressGetsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	b.mailedCode(t, made.Email)
	for range 9 {
		require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
		require.NoError(t, b.ForgotPassword(t.Context(), email(t, "nobody@example.com")))
		require.LessOrEqual(t, b.promised(t), 2)
		require.NoError(t, b.SendDueMail(t.Context()))
		require.Zero(t, b.promised(t))
	}
	require.Len(t, b.mail.codes(made.Email), 1+b.opts.MailsHour)
	require.Empty(t, b.mail.codes(email(t, "nobody@example.com")))
}

func TestRun_WritesMailAtOnceAndStopsWhenTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { b.Run(ctx); close(stopped) }()
	made := b.register(t, "ann@example.com")
	require.Eventually(t, func() bool { return len(b.mail.codes(made.Email)) == 1 }, 5*time.Second, 5*time.Millisecond)
	stop()
	<-stopped
}

func TestKeepHouse_RemovesWhatIsLongOver(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *localidp.Options) { o.RefreshTTL = time.Hour })
	made := b.register(t, "ann@example.com")
	b.mailedCode(t, made.Email)
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.NoError(t, b.SignOut(t.Context(), b.bearer(t, tokens.Access)))
	_, err = b.login(t, "ann@example.com", "wrong")
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	count := func() (n int) {
		require.NoError(t, b.db.Owner.Get(&n, `SELECT (SELECT count(*) FROM auth.session) + (SELECT count(*) FROM auth.refresh_token) +
			(SELECT count(*) FROM auth.mailed_code) + (SELECT count(*) FROM auth.revocation) + (SELECT count(*) FROM auth.failed_attempt)`))
		return n
	}
	require.NoError(t, b.KeepHouse(t.Context()))
	require.Equal(t, 1+1+1+1+2, count())
	b.clock.advance(72 * time.Hour)
	require.NoError(t, b.KeepHouse(t.Context()))
	require.Zero(t, count())
}
