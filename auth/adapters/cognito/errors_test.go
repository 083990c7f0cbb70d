package cognito_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/cognito"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/cognitosim"
)

// outcome says what a caller gets and what the operator hears.
func outcome(b bundle, err error) string {
	var (
		throttled domain.Throttled
		invalid   domain.Invalid
		refusal   domain.Refusal
		said      = "an error nobody knows"
	)
	switch {
	case err == nil:
		said = "fine"
	case errors.As(err, &throttled) && throttled.RetryAfter > 0:
		said = "throttled"
	case errors.As(err, &invalid):
		said = "invalid " + invalid.Fields[0].Field
	case errors.As(err, &refusal):
		said = refusal.Error()
	case errors.Is(err, ports.ErrUnavailable):
		said = "unavailable"
	}
	if strings.Contains(b.logs.String(), "level=ERROR") {
		said += ", operator"
	}
	return said
}

// The exceptions of every operation by what they mean for most of them.
var (
	everywhere = map[string]string{
		"InternalErrorException": "unavailable", "TooManyRequestsException": "unavailable", "ThrottlingException": "unavailable",
		"ServiceUnavailable": "unavailable", "SomethingNewException": "unavailable, operator",
		// of the SDK's credentials and their rights
		"AccessDeniedException": "unavailable, operator", "UnrecognizedClientException": "unavailable, operator",
		"ExpiredTokenException": "unavailable, operator", "InvalidSignatureException": "unavailable, operator",
		"IncompleteSignatureException": "unavailable, operator", "MissingAuthenticationTokenException": "unavailable, operator",
		// of how the pool is set up
		"ResourceNotFoundException": "unavailable, operator", "OperationNotEnabledException": "unavailable, operator",
		"InvalidParameterException": "unavailable, operator", "NotAuthorizedException": "unavailable, operator",
	}
	lambdas = map[string]string{
		"InvalidLambdaResponseException": "unavailable, operator", "UnexpectedLambdaException": "unavailable, operator",
		"UserLambdaValidationException": "unavailable, operator",
	}
	mails = map[string]string{
		"CodeDeliveryFailureException": "unavailable, operator", "InvalidEmailRoleAccessPolicyException": "unavailable, operator",
		"InvalidSmsRoleAccessPolicyException": "unavailable, operator", "InvalidSmsRoleTrustRelationshipException": "unavailable, operator",
	}
	public = map[string]string{"ForbiddenException": "unavailable, operator"} // a firewall before the pool
)

// merged is all of the tables, the later ones first.
func merged(tables ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, table := range tables {
		for exception, want := range table {
			all[exception] = want
		}
	}
	return all
}

type operation struct {
	change func(*cognitosim.Settings, *cognito.Options)
	// prepare comes before the fault, and returns what calls the operation.
	prepare func(t *testing.T, b bundle) func() error
	want    map[string]string
}

// operations lists what each operation may answer by its reference, and what that must become.
func operations() map[string]operation {
	signingUp := func(t *testing.T, b bundle) func() error {
		return func() error { _, err := b.SignUp(t.Context(), signUp(t, password)); return err }
	}
	signingIn := func(t *testing.T, b bundle) func() error {
		b.ann(t)
		return func() error { _, err := b.login(t, password); return err }
	}
	refreshing := func(t *testing.T, b bundle) func() error {
		done := b.ann(t)
		return func() error { _, err := b.Refresh(t.Context(), done.Tokens.Refresh); return err }
	}
	return map[string]operation{
		"SignUp": {nil, signingUp, merged(everywhere, lambdas, mails, public, map[string]string{
			"UsernameExistsException": "email_taken", "InvalidPasswordException": "invalid password", "LimitExceededException": "throttled",
		})},
		"AdminUpdateUserAttributes": {nil, signingUp, merged(everywhere, lambdas, mails, map[string]string{
			"AliasExistsException": "email_taken", "UserNotFoundException": "unavailable",
		})},
		"AdminConfirmSignUp": {nil, signingUp, merged(everywhere, lambdas, map[string]string{
			"LimitExceededException": "throttled", "TooManyFailedAttemptsException": "throttled", "UserNotFoundException": "unavailable",
			"NotAuthorizedException": "fine", // confirmed already
		})},
		"ConfirmSignUp": {confirmedByMail, func(t *testing.T, b bundle) func() error {
			require.NoError(t, signingUp(t, b)())
			return func() error { _, err := b.Confirm(t.Context(), email(t, "ann@example.com"), "123456"); return err }
		}, merged(everywhere, lambdas, public, map[string]string{
			"AliasExistsException": "email_taken", "CodeMismatchException": "invalid_code", "ExpiredCodeException": "invalid_code",
			"NotAuthorizedException": "invalid_code", "UserNotFoundException": "invalid_code", "InvalidParameterException": "invalid_code",
			"LimitExceededException": "throttled", "TooManyFailedAttemptsException": "throttled",
		})},
		"AdminInitiateAuth": {confirmedByMail, func(t *testing.T, b bundle) func() error {
			require.NoError(t, signingUp(t, b)())
			return func() error { _, err := b.login(t, password); return err }
		}, merged(everywhere, lambdas, mails, map[string]string{
			"CodeDeliveryFailureException": "unavailable, operator", "InvalidUserPoolConfigurationException": "unavailable, operator",
			"MFAMethodNotFoundException": "unavailable, operator", "UnsupportedOperationException": "unavailable, operator",
			"NotAuthorizedException": "invalid_credentials", "UserNotFoundException": "invalid_credentials",
			"PasswordResetRequiredException": "invalid_credentials", "UserNotConfirmedException": "email_not_verified",
		})},
		"AdminGetUser": {nil, signingIn, merged(everywhere, map[string]string{"UserNotFoundException": "invalid_credentials"})},
		"AdminInitiateAuth to refresh": {nil, refreshing, merged(everywhere, lambdas, map[string]string{
			"NotAuthorizedException": "invalid_refresh_token", "UserNotFoundException": "invalid_refresh_token",
			"PasswordResetRequiredException": "invalid_refresh_token", "UserNotConfirmedException": "invalid_refresh_token",
		})},
		"GetTokensFromRefreshToken": {rotating, refreshing, merged(everywhere, lambdas, public, map[string]string{
			"NotAuthorizedException": "invalid_refresh_token", "UserNotFoundException": "invalid_refresh_token",
			"RefreshTokenReuseException": "invalid_refresh_token",
		})},
		"AdminUserGlobalSignOut": {nil, func(t *testing.T, b bundle) func() error {
			who := bearer(t, b.ann(t).Tokens.Access)
			return func() error { return b.GlobalSignOut(t.Context(), who) }
		}, merged(everywhere, map[string]string{"UserNotFoundException": "fine"})},
		"ChangePassword": {nil, func(t *testing.T, b bundle) func() error {
			who := bearer(t, b.ann(t).Tokens.Access)
			return func() error { return b.ChangePassword(t.Context(), who, password, newPassword) }
		}, merged(everywhere, public, map[string]string{
			"InvalidPasswordException": "invalid new_password", "PasswordHistoryPolicyViolationException": "invalid new_password",
			"LimitExceededException": "throttled", "NotAuthorizedException": "invalid_credentials", "UserNotFoundException": "invalid_credentials",
			"PasswordResetRequiredException": "invalid_credentials", "UserNotConfirmedException": "email_not_verified",
		})},
		"ForgotPassword": {nil, func(t *testing.T, b bundle) func() error {
			b.ann(t)
			return func() error { return b.ForgotPassword(t.Context(), email(t, "ann@example.com")) }
		}, merged(everywhere, lambdas, mails, public, map[string]string{ // what only a known address can cause is not told
			"UserNotFoundException": "fine", "NotAuthorizedException": "fine", "InvalidParameterException": "fine", "LimitExceededException": "fine",
			"CodeDeliveryFailureException": "fine, operator",
		})},
		"ConfirmForgotPassword": {nil, func(t *testing.T, b bundle) func() error {
			b.ann(t)
			return func() error {
				_, err := b.ResetPassword(t.Context(), email(t, "ann@example.com"), "123456", newPassword)
				return err
			}
		}, merged(everywhere, lambdas, public, map[string]string{
			"CodeMismatchException": "invalid_code", "ExpiredCodeException": "invalid_code", "NotAuthorizedException": "invalid_code",
			"UserNotFoundException": "invalid_code", "UserNotConfirmedException": "invalid_code", "InvalidParameterException": "invalid_code",
			"InvalidPasswordException": "invalid new_password", "PasswordHistoryPolicyViolationException": "invalid new_password",
			"LimitExceededException": "throttled", "TooManyFailedAttemptsException": "throttled",
		})},
		"AdminDeleteUser": {nil, func(t *testing.T, b bundle) func() error {
			who := bearer(t, b.ann(t).Tokens.Access)
			return func() error { return b.Delete(t.Context(), who.Subject) }
		}, merged(everywhere, map[string]string{"UserNotFoundException": "fine"})},
	}
}

func TestErrors_EveryDocumentedExceptionHasItsMeaning(t *testing.T) {
	t.Parallel()
	for name, o := range operations() {
		for exception, want := range o.want {
			t.Run(name+" "+exception, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				if o.change != nil {
					b = setup(t, o.change)
				}
				act := o.prepare(t, b)
				called, _, _ := strings.Cut(name, " ")
				fault := cognitosim.Fault{Type: exception, Message: "a message"}
				if exception == "InternalErrorException" || exception == "ServiceUnavailable" {
					fault.Status = 500
				}
				b.sim.Always(called, fault)
				require.Equal(t, want, outcome(b, act()))
				if strings.HasSuffix(want, "operator") {
					require.Contains(t, b.logs.String(), exception, "the operator hears the cause")
				}
			})
		}
	}
}

func TestErrors_SomeMeaningsAreInTheMessage(t *testing.T) {
	t.Parallel()
	const hash, missing = "Unable to verify secret hash for client x", "Client x is configured with secret but SECRET_HASH was not received"
	constraint := func(member string) string {
		return "1 validation error detected: Value at '" + member + "' failed to satisfy constraint: Member must satisfy regular expression pattern"
	}
	for _, c := range []struct{ operation, exception, message, want string }{
		{"AdminInitiateAuth", "NotAuthorizedException", "Password attempts exceeded", "throttled"},
		{"AdminInitiateAuth", "NotAuthorizedException", hash, "unavailable, operator"},
		{"AdminInitiateAuth", "NotAuthorizedException", missing, "unavailable, operator"},
		{"AdminInitiateAuth to refresh", "NotAuthorizedException", hash, "invalid_refresh_token"},
		{"GetTokensFromRefreshToken", "NotAuthorizedException", "Client secret does not match", "unavailable, operator"},
		{"ChangePassword", "NotAuthorizedException", "Password attempts exceeded", "throttled"},
		{"ConfirmSignUp", "NotAuthorizedException", hash, "unavailable, operator"},
		{"ForgotPassword", "NotAuthorizedException", hash, "unavailable, operator"},
		{"ConfirmForgotPassword", "NotAuthorizedException", hash, "unavailable, operator"},
		{"AdminInitiateAuth", "NotAuthorizedException", "User is disabled.", "invalid_credentials"},
		{"AdminInitiateAuth", "InvalidParameterException", "Auth flow not enabled for this client", "unavailable, operator"},
		{"SignUp", "InvalidParameterException", constraint("password"), "invalid password"},
		{"SignUp", "InvalidParameterException", "Invalid email address format.", "invalid email"},
		{"SignUp", "InvalidParameterException", "Username should be an email.", "invalid email"},
		{"ChangePassword", "InvalidParameterException", constraint("proposedPassword"), "invalid new_password"},
		{"ConfirmForgotPassword", "InvalidParameterException", constraint("password"), "invalid new_password"},
		{"ConfirmForgotPassword", "InvalidParameterException", constraint("confirmationCode"), "invalid_code"},
	} {
		t.Run(c.operation+" "+c.message, func(t *testing.T) {
			t.Parallel()
			b, o := setup(t), operations()[c.operation]
			if o.change != nil {
				b = setup(t, o.change)
			}
			act := o.prepare(t, b)
			called, _, _ := strings.Cut(c.operation, " ")
			b.sim.Always(called, cognitosim.Fault{Type: c.exception, Message: c.message})
			require.Equal(t, c.want, outcome(b, act()))
		})
	}
}
