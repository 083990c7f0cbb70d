package cognito_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/cognitosim"
)

const (
	otherPassword = "nobody knows this one"
	address       = "ann@example.com"
)

var broken = cognitosim.Fault{Type: "InternalErrorException", Status: 500}

func TestSignUp_CutShortIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		operation string
		fault     cognitosim.Fault
	}{
		"the answer is lost":           {"SignUp", cognitosim.Fault{Lost: true}},
		"the address is not marked":    {"AdminUpdateUserAttributes", broken},
		"the sign-up is not confirmed": {"AdminConfirmSignUp", broken},
		"nobody may confirm":           {"AdminConfirmSignUp", cognitosim.Fault{Type: "AccessDeniedException"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.sim.Always(fault.operation, fault.fault)
			_, err := b.SignUp(t.Context(), signUp(t, password))
			require.ErrorIs(t, err, ports.ErrUnavailable)
			b.sim.Heal(fault.operation)
			made, err := b.SignUp(t.Context(), signUp(t, password))
			require.NoError(t, err, "the same again is the same person")
			require.True(t, made.EmailVerified)
			require.Equal(t, "Ann", made.Name.String())
			require.Zero(t, b.sim.Alive(made.Subject), "proving the password leaves no session behind")
			done, err := b.login(t, password)
			require.NoError(t, err)
			require.Equal(t, made, done.Identity)
			_, err = b.SignUp(t.Context(), signUp(t, password))
			require.ErrorIs(t, err, domain.ErrEmailTaken, "what is finished is finished")
		})
	}
}

func TestSignUp_CutShortLocksNobodyOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sim.Always("AdminConfirmSignUp", broken)
	_, err := b.SignUp(t.Context(), signUp(t, password))
	require.ErrorIs(t, err, ports.ErrUnavailable)
	b.sim.Heal("AdminConfirmSignUp")
	_, err = b.login(t, otherPassword)
	require.ErrorIs(t, err, domain.ErrInvalidCredentials)
	_, err = b.login(t, password)
	require.NoError(t, err, "signing in finishes it too")
}

func TestSignUp_WithAnotherPasswordIsAnotherPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sim.Always("AdminConfirmSignUp", broken)
	_, err := b.SignUp(t.Context(), signUp(t, password))
	require.ErrorIs(t, err, ports.ErrUnavailable)
	b.sim.Heal("AdminConfirmSignUp")
	_, err = b.SignUp(t.Context(), signUp(t, otherPassword))
	require.ErrorIs(t, err, domain.ErrEmailTaken)
	_, err = b.login(t, password)
	require.NoError(t, err)
}

func TestSignUp_AgainBeforeTheCodeIsUsedMailsAnother(t *testing.T) {
	t.Parallel()
	b := setup(t, confirmedByMail)
	made, err := b.SignUp(t.Context(), signUp(t, password))
	require.NoError(t, err)
	require.False(t, made.EmailVerified)
	b.sim.Next("ResendConfirmationCode", cognitosim.Fault{Type: "LimitExceededException"})
	_, err = b.SignUp(t.Context(), signUp(t, password))
	require.ErrorIs(t, err, domain.ErrEmailTaken, "whatever becomes of the mail")
	first := b.sim.SignUpCode(address)
	_, err = b.SignUp(t.Context(), signUp(t, password))
	require.ErrorIs(t, err, domain.ErrEmailTaken)
	second := b.sim.SignUpCode(address)
	require.NotEqual(t, first, second)
	got, err := b.Confirm(t.Context(), email(t, address), " "+second[:3]+"-"+second[3:])
	require.NoError(t, err)
	require.True(t, got.EmailVerified)
	_, err = b.SignUp(t.Context(), signUp(t, password))
	require.ErrorIs(t, err, domain.ErrEmailTaken)
	require.Equal(t, 2, b.sim.Calls("ResendConfirmationCode"), "who is confirmed gets no mail")
}
