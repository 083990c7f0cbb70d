package cognito

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// mostAttempts is how often one call is made at most.
const mostAttempts = 3

// throttled are the refusals after which nothing was done, and which pass by themselves. The
// limits that Cognito sets to one user's attempts (LimitExceededException) are not among them:
// asking again only prolongs those.
var throttled = retry.RetryableErrorCode{Codes: map[string]struct{}{
	"TooManyRequestsException": {}, "ThrottlingException": {}, "Throttling": {}, "ThrottledException": {}, "RequestLimitExceeded": {},
}}

// retryers are the SDK's standard ones, with backoff and jitter: often repeats also when nobody
// knows whether the call was carried out, once does not.
func retryers(longestBackoff time.Duration) (often, once *retry.Standard) {
	standard := func(retryables ...retry.IsErrorRetryable) *retry.Standard {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.Backoff = mostAttempts, retry.NewExponentialJitterBackoff(longestBackoff)
			o.Retryables = append([]retry.IsErrorRetryable{retry.NoRetryCanceledError{}}, retryables...)
		})
	}
	return standard(throttled, retry.RetryableConnectionError{}, retry.RetryableHTTPStatusCode{Codes: retry.DefaultRetryableHTTPStatusCodes}),
		standard(throttled)
}
