package cognito

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// errReused is a refresh token that was exchanged before.
var errReused = errors.New("used before")

// general is what an exception means unless special says otherwise.
var general = map[string]error{
	"UsernameExistsException":    domain.ErrEmailTaken,
	"UserNotConfirmedException":  domain.ErrEmailNotVerified,
	"UserNotFoundException":      domain.ErrUserUnknown,
	"CodeMismatchException":      domain.ErrInvalidCode,
	"ExpiredCodeException":       domain.ErrInvalidCode,
	"RefreshTokenReuseException": errReused,
}

// special is what an exception means to one operation.
var special = map[string]map[string]error{
	"AdminInitiateAuth":         {"NotAuthorizedException": domain.ErrInvalidCredentials, "UserNotFoundException": domain.ErrInvalidCredentials},
	"GetTokensFromRefreshToken": {"NotAuthorizedException": domain.ErrInvalidRefreshToken},
	"ConfirmSignUp":             {"NotAuthorizedException": domain.ErrInvalidCode, "UserNotFoundException": domain.ErrInvalidCode},
	"ConfirmForgotPassword":     {"UserNotFoundException": domain.ErrInvalidCode},
}

// judge turns what went wrong with a call into what the port says.
func (p *Provider) judge(ctx context.Context, err error) error {
	var (
		operation *smithy.OperationError
		exception smithy.APIError
	)
	errors.As(err, &operation)
	if ctx.Err() == nil && errors.As(err, &exception) {
		code := exception.ErrorCode()
		for _, known := range []map[string]error{special[operation.Operation()], general} {
			if answer := known[code]; answer != nil {
				return fmt.Errorf("cognito: %s: %w", code, answer)
			}
		}
	}
	return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
}
