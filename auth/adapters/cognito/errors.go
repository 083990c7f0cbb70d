package cognito

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// What the port has no word for.
var (
	errReused    = errors.New("a refresh token that was exchanged before")
	errConfirmed = errors.New("a user who is confirmed already")
	errNoMail    = errors.New("nobody to mail to, or not now")
)

const (
	// lockedFor is what somebody is told to wait who guesses too fast: Cognito does not say how
	// long it will not listen, which is a second at first and a quarter of an hour at last.
	lockedFor = 10 * time.Second
	// limitedFor is the same for the other attempts Cognito counts, whose limits are by the hour.
	limitedFor = time.Minute
)

// toRefresh is the second purpose of an operation that mostly signs in.
const toRefresh = " to refresh"

// A verdict is what an exception means: what the caller is answered, and whether the operator of
// the service has something to mend.
type verdict struct {
	answer error
	loud   bool
}

func no(answer error) verdict { return verdict{answer: answer} }

var (
	busy = no(ports.ErrUnavailable)
	ours = verdict{ports.ErrUnavailable, true} // the pool, its triggers, the credentials or what we send
)

// general is what an exception means unless special says otherwise. What it does not list is ours.
// Source: the errors of each operation in the Amazon Cognito user pools API reference, and the
// errors that all services of AWS have in common.
var general = map[string]verdict{
	"AliasExistsException":           no(domain.ErrEmailTaken),
	"UsernameExistsException":        no(domain.ErrEmailTaken),
	"CodeMismatchException":          no(domain.ErrInvalidCode),
	"ExpiredCodeException":           no(domain.ErrInvalidCode),
	"UserNotConfirmedException":      no(domain.ErrEmailNotVerified),
	"UserNotFoundException":          no(domain.ErrUserUnknown),
	"RefreshTokenReuseException":     no(errReused),
	"LimitExceededException":         no(domain.Throttled{RetryAfter: limitedFor}),
	"TooManyFailedAttemptsException": no(domain.Throttled{RetryAfter: limitedFor}),
	// The person has to reset the password. That is told as little as that the address is known.
	"PasswordResetRequiredException": no(domain.ErrInvalidCredentials),

	"InternalErrorException": busy, "InternalFailure": busy, "ServiceUnavailable": busy, "ServiceUnavailableException": busy,
	"TooManyRequestsException": busy, "ThrottlingException": busy, "Throttling": busy, "ThrottledException": busy, "RequestLimitExceeded": busy,
}

// special is what an exception means to one operation.
var special = map[string]map[string]verdict{
	"SignUp": {
		"InvalidPasswordException": badPassword("password"),
	},
	"AdminUpdateUserAttributes": {"UserNotFoundException": busy}, // deleted between two calls
	"AdminConfirmSignUp":        {"UserNotFoundException": busy, "NotAuthorizedException": no(errConfirmed)},
	"ConfirmSignUp": {
		"NotAuthorizedException": no(domain.ErrInvalidCode), // confirmed already
		"UserNotFoundException":  no(domain.ErrInvalidCode),
		// A code that cannot be one.
		"InvalidParameterException": no(domain.ErrInvalidCode),
	},
	"AdminInitiateAuth": {
		"NotAuthorizedException": no(domain.ErrInvalidCredentials),
		"UserNotFoundException":  no(domain.ErrInvalidCredentials),
	},
	"AdminInitiateAuth" + toRefresh: {
		// Also what Cognito calls a wrong secret hash: that is made of what the client says.
		"NotAuthorizedException":         no(domain.ErrInvalidRefreshToken),
		"UserNotFoundException":          no(domain.ErrInvalidRefreshToken),
		"PasswordResetRequiredException": no(domain.ErrInvalidRefreshToken),
		"UserNotConfirmedException":      no(domain.ErrInvalidRefreshToken),
	},
	"GetTokensFromRefreshToken": {
		"NotAuthorizedException": no(domain.ErrInvalidRefreshToken),
		"UserNotFoundException":  no(domain.ErrInvalidRefreshToken),
	},
	"ChangePassword": {
		"NotAuthorizedException":                  no(domain.ErrInvalidCredentials),
		"UserNotFoundException":                   no(domain.ErrInvalidCredentials),
		"InvalidPasswordException":                badPassword("new_password"),
		"PasswordHistoryPolicyViolationException": badPassword("new_password"),
	},
	// What only an address can cause that somebody has is answered like one that nobody has.
	"ForgotPassword": {
		"UserNotFoundException":        no(errNoMail),
		"NotAuthorizedException":       no(errNoMail), // disabled, or made by an administrator and never used
		"InvalidParameterException":    no(errNoMail), // the address is not proven
		"LimitExceededException":       no(errNoMail),
		"CodeDeliveryFailureException": {errNoMail, true},
	},
	"ConfirmForgotPassword": {
		"NotAuthorizedException":                  no(domain.ErrInvalidCode),
		"UserNotFoundException":                   no(domain.ErrInvalidCode),
		"UserNotConfirmedException":               no(domain.ErrInvalidCode),
		"InvalidParameterException":               no(domain.ErrInvalidCode),
		"InvalidPasswordException":                badPassword("new_password"),
		"PasswordHistoryPolicyViolationException": badPassword("new_password"),
	},
}

func badPassword(field string) verdict {
	return no(domain.Invalid{Fields: []domain.FieldError{{
		Field: field, Code: "not_accepted", Detail: "does not meet the rules of the user pool, or was used before",
	}}})
}

// hints are meanings that Cognito puts into the words of an exception, in lower case here; the
// first that fits counts before the tables. Only the operations named are looked at, if any are.
var hints = []struct {
	exception, words string
	operations       []string
	verdict          verdict
}{
	{"NotAuthorizedException", "attempts exceeded", nil, no(domain.Throttled{RetryAfter: lockedFor})},
	{"NotAuthorizedException", "secret", []string{ // of the app client: missing, wrong, or not wanted
		"SignUp", "ConfirmSignUp", "ResendConfirmationCode", "AdminInitiateAuth", "GetTokensFromRefreshToken", "ForgotPassword", "ConfirmForgotPassword",
	}, ours},
	{"InvalidParameterException", "'password'", []string{"SignUp"}, badPassword("password")},
	{"InvalidParameterException", "email", []string{"SignUp"}, no(domain.Invalid{Fields: []domain.FieldError{{
		Field: "email", Code: "malformed", Detail: "is not an address that mail can be sent to",
	}}})},
	{"InvalidParameterException", "password'", []string{"ChangePassword", "ConfirmForgotPassword"}, badPassword("new_password")},
}

// of finds what an exception means to an operation.
func of(operation, exception, words string) verdict {
	words = strings.ToLower(words)
	for _, h := range hints {
		if h.exception == exception && strings.Contains(words, h.words) && (h.operations == nil || slices.Contains(h.operations, operation)) {
			return h.verdict
		}
	}
	if v, known := special[operation][exception]; known {
		return v
	}
	if v, known := general[exception]; known {
		return v
	}
	return ours
}

// judge turns what went wrong with a call into what the port says. The text of the error names
// operation and exception only; Cognito's own words go to the log, and only where the operator
// needs them.
func (p *Provider) judge(ctx context.Context, purpose string, err error) error {
	operation, code, words := "cognito", "", err.Error()
	if failed := (*smithy.OperationError)(nil); errors.As(err, &failed) {
		operation = failed.Operation() + purpose
	}
	var v verdict
	if exception := smithy.APIError(nil); errors.As(err, &exception) {
		code, words = exception.ErrorCode(), exception.ErrorMessage()
		v = of(operation, code, words)
	} else if ctx.Err() != nil {
		return fmt.Errorf("cognito: %s: %w", operation, ctx.Err()) // the caller left, or has no more time
	} else {
		code, v = unanswered(err)
	}
	switch {
	case v.loud:
		p.log.LogAttrs(ctx, slog.LevelError, "cognito does not do what it is asked to",
			slog.String("operation", operation), slog.String("exception", code), slog.String("cause", words))
	case errors.Is(v.answer, ports.ErrUnavailable):
		p.log.LogAttrs(ctx, slog.LevelWarn, "cognito is not available now", slog.String("operation", operation), slog.String("exception", code))
	}
	return fmt.Errorf("cognito: %s: %s: %w", operation, code, v.answer)
}

// unanswered judges a call that got no answer: the network or time passes by itself, while
// credentials that cannot be had and answers that cannot be read are the operator's.
func unanswered(err error) (code string, v verdict) {
	var network *smithyhttp.RequestSendError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "time limit", busy
	case errors.As(err, &network):
		return "connection", busy
	case strings.Contains(err.Error(), "credentials"):
		return "credentials", ours
	}
	return "answer", ours
}

// instead turns a user who was deleted between two calls into what the caller's caller expects.
func instead(err error, answer domain.Refusal) error {
	if errors.Is(err, domain.ErrUserUnknown) {
		return answer
	}
	return err
}
