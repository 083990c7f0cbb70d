package ses

import (
	"errors"
	"fmt"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/micropay/micropay/auth/ports"
)

// forEver is the refusals that lie in the message, so that the same one will be refused again:
//
//   - MessageRejected, "the message can't be sent because it contains invalid content". SES also
//     answers so when the sender is not a verified identity, or, in the sandbox, the reader is not;
//     only its English text tells these apart, and that may change. A sender that was verified once
//     stays so, thus a mail is not kept for it;
//   - BadRequestException, "the input you provided is invalid", and its relatives of the errors
//     common to all actions. Sender and configuration set are checked at the start, so that what
//     remains is the message, such as an address that SES does not take.
//
// All others wait, since somebody can mend what they tell, and the mail is then as good as before:
//
//   - TooManyRequestsException, LimitExceededException (the sending quota), throttling: soon;
//   - SendingPausedException, MailFromDomainNotVerifiedException, AccountSuspendedException ("the
//     account's ability to send email has been permanently restricted": of the account, not of the
//     mail), NotFoundException (the configuration set), AccessDeniedException and expired or wrong
//     credentials: once the operator has seen to it;
//   - InternalFailure, ServiceUnavailable and any 5xx, timeouts, lost connections, and errors that
//     are new.
//
// Whoever keeps the mail bounds how long it waits.
//
// Source: Amazon SES API v2 Reference, SendEmail, "Errors", and "Common Errors".
var forEver = map[string]bool{
	"MessageRejected":       true,
	"BadRequestException":   true,
	"ValidationError":       true,
	"ValidationException":   true,
	"InvalidParameterValue": true,
}

// judge says what a failed call means: ErrUndeliverable or ErrUnavailable. The text that SES sends
// is dropped, for it may name the address; its code and the id of the request are kept.
func judge(err error) error {
	if err == nil {
		return nil
	}
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("ses: %w: %w", ports.ErrUnavailable, err)
	}
	status, request := 0, ""
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		status, request = response.HTTPStatusCode(), response.ServiceRequestID()
	}
	meaning := ports.ErrUnavailable
	if forEver[refusal.ErrorCode()] {
		meaning = ports.ErrUndeliverable
	}
	return fmt.Errorf("ses: %s (status %d, request %q): %w", refusal.ErrorCode(), status, request, meaning)
}
