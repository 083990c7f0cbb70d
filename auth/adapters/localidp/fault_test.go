package localidp_test

import (
	"errors"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// TestFaults_AnOperationThatBreaksInTheMiddleLeavesNothing takes a right away from the role that
// the service connects as, so that one statement of an operation fails; what came before it in the
// operation must be undone, and the fault must not look like a refusal.
func TestFaults_AnOperationThatBreaksInTheMiddleLeavesNothing(t *testing.T) {
	t.Parallel()
	signUp := func(b bundle, _ ports.Bearer, _ string) error {
		_, err := b.SignUp(t.Context(), ports.SignUp{Email: email(t, "bob@example.com"), Password: password, Name: name(t, "Bob")})
		return err
	}
	authenticate := func(b bundle, _ ports.Bearer, _ string) error {
		_, err := b.login(t, "ann@example.com", password)
		return err
	}
	guess := func(b bundle, _ ports.Bearer, _ string) error {
		_, err := b.login(t, "ann@example.com", "wrong")
		return err
	}
	refresh := func(b bundle, _ ports.Bearer, token string) error {
		_, err := b.Refresh(t.Context(), token)
		return err
	}
	signOut := func(b bundle, who ports.Bearer, _ string) error { return b.SignOut(t.Context(), who) }
	change := func(b bundle, who ports.Bearer, _ string) error {
		return b.ChangePassword(t.Context(), who, password, "two oxen in the rain")
	}
	reset := func(b bundle, _ ports.Bearer, _ string) error {
		code := b.mail.codes(email(t, "ann@example.com"))[1]
		_, err := b.ResetPassword(t.Context(), email(t, "ann@example.com"), code, "two oxen in the rain")
		return err
	}
	confirm := func(b bundle, _ ports.Bearer, _ string) error {
		code := b.mail.codes(email(t, "ann@example.com"))[0]
		_, err := b.Confirm(t.Context(), email(t, "ann@example.com"), code)
		return err
	}
	forget := func(b bundle, who ports.Bearer, _ string) error { return b.Delete(t.Context(), who.Subject) }
	mail := func(b bundle, _ ports.Bearer, _ string) error {
		if err := b.ForgotPassword(t.Context(), email(t, "ann@example.com")); err != nil {
			return err
		}
		return b.SendDueMail(t.Context())
	}
	house := func(b bundle, _ ports.Bearer, _ string) error { return b.KeepHouse(t.Context()) }
	for title, c := range map[string]struct {
		right string // "INSERT ON auth.session"
		do    func(bundle, ports.Bearer, string) error
	}{
		"sign up: identity":          {"INSERT ON auth.identity", signUp},
		"sign up: mail":              {"INSERT ON auth.mail_request", signUp},
		"log in: look up":            {"SELECT ON auth.identity", authenticate},
		"log in: throttle":           {"SELECT ON auth.failed_attempt", authenticate},
		"log in: forgive":            {"DELETE ON auth.failed_attempt", authenticate},
		"log in: session":            {"INSERT ON auth.session", authenticate},
		"log in: refresh token":      {"INSERT ON auth.refresh_token", authenticate},
		"wrong guess: count":         {"INSERT ON auth.failed_attempt", guess},
		"wrong guess: add":           {"UPDATE ON auth.failed_attempt", guess},
		"refresh: look up":           {"SELECT ON auth.refresh_token", refresh},
		"refresh: next token":        {"INSERT ON auth.refresh_token", refresh},
		"sign out: sessions":         {"UPDATE ON auth.session", signOut},
		"sign out: feed":             {"INSERT ON auth.revocation", signOut},
		"change password: store":     {"UPDATE ON auth.identity", change},
		"change password: codes":     {"UPDATE ON auth.mailed_code", change},
		"change password: look up":   {"SELECT ON auth.identity", change},
		"change password: feed":      {"INSERT ON auth.revocation", change},
		"reset password: codes":      {"SELECT ON auth.mailed_code", reset},
		"reset password: use":        {"UPDATE ON auth.mailed_code", reset},
		"reset password: throttle":   {"DELETE ON auth.failed_attempt", reset},
		"reset password: store":      {"UPDATE ON auth.identity", reset},
		"reset password: feed":       {"INSERT ON auth.revocation", reset},
		"confirm: identity":          {"UPDATE ON auth.identity", confirm},
		"delete: identity":           {"DELETE ON auth.identity", forget},
		"delete: feed":               {"INSERT ON auth.revocation", forget},
		"mail: promise":              {"INSERT ON auth.mail_request", mail},
		"mail: claim":                {"UPDATE ON auth.mail_request", mail},
		"mail: done":                 {"DELETE ON auth.mail_request", mail},
		"housekeeping: sessions":     {"DELETE ON auth.session", house},
		"housekeeping: failures":     {"DELETE ON auth.failed_attempt", house},
		"housekeeping: revocations":  {"DELETE ON auth.revocation", house},
		"housekeeping: signing keys": {"DELETE ON auth.signing_key", house},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			made := b.register(t, "ann@example.com")
			b.mailedCode(t, made.Email)
			require.NoError(t, b.ForgotPassword(t.Context(), made.Email))
			b.mailedCode(t, made.Email)
			_, err := b.login(t, "ann@example.com", password)
			require.NoError(t, err)
			tokens, err := b.login(t, "ann@example.com", password)
			require.NoError(t, err)
			_, err = b.db.Owner.Exec("REVOKE " + c.right + " FROM micropay_auth")
			require.NoError(t, err)
			before := b.snapshot(t)
			err = c.do(b, b.bearer(t, tokens.Access), tokens.Refresh)
			require.Error(t, err)
			var refusal domain.Refusal
			require.False(t, errors.As(err, &refusal), "a fault is no refusal: %v", err)
			var fault *pq.Error
			require.ErrorAs(t, err, &fault)
			require.Equal(t, "42501", string(fault.Code), "insufficient_privilege")
			if c.right != "DELETE ON auth.mail_request" && c.right != "UPDATE ON auth.mail_request" {
				require.Equal(t, before, b.snapshot(t), "nothing is left of it")
			}
		})
	}
}

// snapshot is all that the provider keeps.
func (b bundle) snapshot(t *testing.T) (rows []string) {
	t.Helper()
	require.NoError(t, b.db.Owner.Select(&rows, `
		SELECT 'i' || x::text FROM auth.identity x UNION ALL SELECT 's' || x::text FROM auth.session x UNION ALL
		SELECT 'r' || x::text FROM auth.refresh_token x UNION ALL SELECT 'c' || x::text FROM auth.mailed_code x UNION ALL
		SELECT 'm' || x::text FROM auth.mail_request x UNION ALL SELECT 'f' || x::text FROM auth.failed_attempt x UNION ALL
		SELECT 'v' || x::text FROM auth.revocation x ORDER BY 1`))
	return rows
}

func TestFaults_KeysThatCannotBeStoredStopLoginBeforeItHasAnEffect(t *testing.T) {
	t.Parallel()
	for _, right := range []string{"INSERT ON auth.signing_key", "UPDATE ON auth.signing_key", "SELECT ON auth.signing_key"} {
		b := setup(t, databaseKeys)
		b.register(t, "ann@example.com")
		_, err := b.db.Owner.Exec("REVOKE " + right + " FROM micropay_auth")
		require.NoError(t, err)
		before := b.snapshot(t)
		_, err = b.login(t, "ann@example.com", password)
		var fault *pq.Error
		require.ErrorAs(t, err, &fault, right)
		require.Equal(t, before, b.snapshot(t))
	}
}

func TestFaults_ARowThatTheDomainRefusesIsAFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	_, err = b.db.Owner.Exec("UPDATE auth.identity SET name = ''")
	require.NoError(t, err)
	_, err = b.login(t, "ann@example.com", password)
	require.ErrorContains(t, err, "stored identity "+made.Subject)
	require.ErrorContains(t, b.ChangePassword(t.Context(), b.bearer(t, tokens.Access), password, "x"), "stored identity")
	_, err = b.db.Owner.Exec("UPDATE auth.identity SET name = 'Ann', password_hash = 'no hash'")
	require.NoError(t, err)
	_, err = b.login(t, "ann@example.com", password)
	require.ErrorContains(t, err, "compare password")
}
