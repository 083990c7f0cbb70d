package cognito_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/cognito"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/cognitosim"
)

func TestCall_HasATimeLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *cognitosim.Settings, o *cognito.Options) { o.Timeout = 50 * time.Millisecond })
	b.sim.Always("AdminInitiateAuth", cognitosim.Fault{Delay: time.Minute})
	started := time.Now()
	_, err := b.login(t, password)
	require.ErrorIs(t, err, ports.ErrUnavailable)
	require.Less(t, time.Since(started), 10*time.Second)
	require.Contains(t, b.logs.String(), "time limit")
}

func TestCall_ACallerWhoHasNoMoreTimeHearsThat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sim.Always("AdminInitiateAuth", cognitosim.Fault{Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := b.Authenticate(ctx, ports.Credentials{Email: email(t, address), Password: password})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, ports.ErrUnavailable)
}

func TestCall_IsRepeatedOnlyWhereThatIsSafe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		operation string
		fault     cognitosim.Fault
		calls     int
	}{
		"throttled calls were not carried out":        {"SignUp", cognitosim.Fault{Type: "TooManyRequestsException"}, 3},
		"a sign-up may have been":                     {"SignUp", cognitosim.Fault{Refused: true}, 1},
		"a sign-up is not, after a failure":           {"SignUp", broken, 1},
		"signing in twice does no harm":               {"AdminInitiateAuth", cognitosim.Fault{Refused: true}, 3},
		"nor does it after a failure":                 {"AdminInitiateAuth", broken, 3},
		"a limit of one user's attempts does not end": {"SignUp", cognitosim.Fault{Type: "LimitExceededException"}, 1},
		"a refusal stays one":                         {"AdminInitiateAuth", cognitosim.Fault{Type: "NotAuthorizedException"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.sim.Always(c.operation, c.fault)
			if c.operation == "SignUp" {
				_, err := b.SignUp(t.Context(), signUp(t, password))
				require.Error(t, err)
			} else {
				_, err := b.login(t, password)
				require.Error(t, err)
			}
			require.Equal(t, c.calls, b.sim.Calls(c.operation))
		})
	}
}

func TestCall_OvercomesAShortOutage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ann(t)
	b.sim.Next("AdminInitiateAuth", cognitosim.Fault{Lost: true}, cognitosim.Fault{Type: "TooManyRequestsException"})
	b.sim.Next("AdminGetUser", broken)
	_, err := b.login(t, password)
	require.NoError(t, err)
}

func TestCall_NobodyListens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg, nobody := b.sim.AWSConfig(), "http://127.0.0.1:1"
	cfg.BaseEndpoint = &nobody
	p := cognito.New(cfg, b.feed, slog.New(slog.NewTextHandler(b.logs, nil)), time.Now, options())
	require.ErrorIs(t, p.ForgotPassword(t.Context(), email(t, address)), ports.ErrUnavailable)
	require.Contains(t, b.logs.String(), "connection")
	require.NotContains(t, b.logs.String(), "level=ERROR")
}

func TestCall_WithoutCredentialsTheOperatorHearsWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg := b.sim.AWSConfig()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("the role cannot be assumed")
	})
	p := cognito.New(cfg, b.feed, slog.New(slog.NewTextHandler(b.logs, nil)), time.Now, options())
	require.ErrorIs(t, p.Delete(t.Context(), "x"), ports.ErrUnavailable)
	require.Contains(t, b.logs.String(), "level=ERROR")
	require.Contains(t, b.logs.String(), "the role cannot be assumed")
}

func TestCall_AnAnswerThatMakesNoSenseLetsNobodyIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	token := func(claims jwt.MapClaims) string {
		raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("any"))
		require.NoError(t, err)
		return `{"AuthenticationResult":{"AccessToken":"` + raw + `"}}`
	}
	for _, raw := range []string{
		`<html>`, `{}`, `{"AuthenticationResult":{}}`, `{"AuthenticationResult":{"AccessToken":"junk"}}`,
		token(jwt.MapClaims{"iat": 1, "auth_time": 1}), token(jwt.MapClaims{"sub": "x", "auth_time": 1}), token(jwt.MapClaims{"sub": "x", "iat": 1}),
	} {
		b.sim.Always("AdminInitiateAuth", cognitosim.Fault{Raw: raw})
		_, err := b.login(t, password)
		require.Error(t, err, raw)
		_, err = b.Refresh(t.Context(), done.Tokens.Refresh)
		require.Error(t, err, raw)
	}
}

func TestErrors_RepeatNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	secrets := []string{password, otherPassword, newPassword, "123456", done.Tokens.Access, done.Tokens.Refresh, cognitosim.ClientSecret}
	for _, fault := range []cognitosim.Fault{broken, {Refused: true}, {Raw: "<html>"}, {Type: "AccessDeniedException", Message: "no"}} {
		for _, o := range []string{
			"SignUp", "AdminInitiateAuth", "ChangePassword", "ConfirmSignUp", "ConfirmForgotPassword", "ForgotPassword", "AdminGetUser", "AdminDeleteUser",
		} {
			b.sim.Always(o, fault)
		}
		_, signUpErr := b.SignUp(t.Context(), signUp(t, otherPassword))
		_, loginErr := b.login(t, password)
		_, refreshErr := b.Refresh(t.Context(), done.Tokens.Refresh)
		_, confirmErr := b.Confirm(t.Context(), email(t, address), "123456")
		_, resetErr := b.ResetPassword(t.Context(), email(t, address), "123456", newPassword)
		changeErr := b.ChangePassword(t.Context(), bearer(t, done.Tokens.Access), password, newPassword)
		for _, err := range []error{signUpErr, loginErr, refreshErr, confirmErr, resetErr, changeErr} {
			require.Error(t, err)
			for _, secret := range secrets {
				require.NotContains(t, err.Error()+b.logs.String(), secret)
			}
		}
	}
}

func TestFind_AUserMadeByAnAdministratorMayHaveNoName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ann(t)
	b.sim.Change(address, func(u *cognitosim.User) { u.Name = "" })
	done, err := b.login(t, password)
	require.NoError(t, err)
	require.Equal(t, address, done.Identity.Name.String())
	b.sim.Always("AdminGetUser", cognitosim.Fault{Raw: `{"Username":"x","UserAttributes":[{"Name":"sub","Value":"x"}]}`})
	_, err = b.login(t, password)
	require.ErrorContains(t, err, "user x of the pool", "without an address there is nobody to be")
}

func TestForgotPassword_SaysTheSameWhoeverAsks(t *testing.T) {
	t.Parallel()
	b := setup(t, confirmedByMail)
	_, err := b.SignUp(t.Context(), signUp(t, password))
	require.NoError(t, err)
	require.NoError(t, b.ForgotPassword(t.Context(), email(t, "nobody@example.com")))
	require.NoError(t, b.ForgotPassword(t.Context(), email(t, address)), "not proven")
	require.Empty(t, b.sim.ResetCode(address))
	_, err = b.ResetPassword(t.Context(), email(t, address), strings.Repeat("1", 5000), newPassword)
	require.ErrorIs(t, err, domain.ErrInvalidCode)
	require.Zero(t, b.sim.Calls("ConfirmForgotPassword"), "what cannot be a code is not asked about")
}

func TestResetPassword_LeavesNobodyInWhenCognitoFailsAfterwards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	require.NoError(t, b.ForgotPassword(t.Context(), email(t, address)))
	b.sim.Always("AdminUserGlobalSignOut", broken)
	_, err := b.ResetPassword(t.Context(), email(t, address), b.sim.ResetCode(address), newPassword)
	require.ErrorIs(t, err, ports.ErrUnavailable)
	require.True(t, b.dead(t, done.Tokens.Access))
	b.clock.advance(time.Second)
	_, err = b.login(t, newPassword)
	require.NoError(t, err, "the password is the new one")
}

func TestSetPassword_WhoseAnswerWasLost_IsFinishedAllTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.ann(t)
	require.NoError(t, b.ForgotPassword(t.Context(), email(t, address)))
	b.sim.Next("ConfirmForgotPassword", cognitosim.Fault{Lost: true})
	got, err := b.ResetPassword(t.Context(), email(t, address), b.sim.ResetCode(address), newPassword)
	require.NoError(t, err, "the new password is taken, so the reset was done")
	require.Equal(t, done.Identity.Subject, got.Subject)
	require.True(t, b.dead(t, done.Tokens.Access))
	require.Zero(t, b.sim.Alive(got.Subject))

	b.clock.advance(time.Second)
	done, err = b.login(t, newPassword)
	require.NoError(t, err)
	b.sim.Next("ChangePassword", cognitosim.Fault{Lost: true})
	require.NoError(t, b.ChangePassword(t.Context(), bearer(t, done.Tokens.Access), newPassword, otherPassword))
	require.Zero(t, b.sim.Alive(got.Subject))

	b.sim.Next("ConfirmForgotPassword", cognitosim.Fault{Refused: true})
	_, err = b.ResetPassword(t.Context(), email(t, address), "123456", password)
	require.ErrorIs(t, err, ports.ErrUnavailable, "nothing was done")
}

func TestOutage_InTheMiddleOfSomethingIsOne(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(b bundle) (operation string, err error){
		"a sign-up again is not confirmed": func(b bundle) (string, error) {
			_, _ = b.SignUp(t.Context(), signUp(t, password))
			_, err := b.SignUp(t.Context(), signUp(t, password))
			return "AdminConfirmSignUp", err
		},
		"nor a login": func(b bundle) (string, error) {
			_, _ = b.SignUp(t.Context(), signUp(t, password))
			_, err := b.login(t, password)
			return "AdminConfirmSignUp", err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.sim.Always("AdminConfirmSignUp", broken)
			operation, err := act(b)
			require.ErrorIs(t, err, ports.ErrUnavailable)
			b.sim.Heal(operation)
			b.sim.Always("AdminInitiateAuth", broken)
			_, err = b.SignUp(t.Context(), signUp(t, password))
			require.ErrorIs(t, err, ports.ErrUnavailable, "whose it is cannot be found out")
		})
	}
}

func TestOutage_AfterACodeWasUsed(t *testing.T) {
	t.Parallel()
	b := setup(t, confirmedByMail)
	_, err := b.SignUp(t.Context(), signUp(t, password))
	require.NoError(t, err)
	b.sim.Always("AdminGetUser", broken)
	_, err = b.Confirm(t.Context(), email(t, address), b.sim.SignUpCode(address))
	require.ErrorIs(t, err, ports.ErrUnavailable)
	require.NoError(t, b.ForgotPassword(t.Context(), email(t, address)))
	_, err = b.ResetPassword(t.Context(), email(t, address), b.sim.ResetCode(address), newPassword)
	require.ErrorIs(t, err, ports.ErrUnavailable)
	b.sim.Heal("AdminGetUser")
	_, err = b.login(t, newPassword)
	require.NoError(t, err, "both were done")
}
