package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/problem"
)

// An answer is what a refusal looks like to a client.
type answer struct {
	status int
	detail string
}

var answers = map[domain.Refusal]answer{
	domain.ErrEmailTaken:          {http.StatusConflict, "This e-mail address is registered already."},
	domain.ErrInvalidCredentials:  {http.StatusUnauthorized, "The e-mail address or the password is wrong."},
	domain.ErrEmailNotVerified:    {http.StatusForbidden, "Verify your e-mail address first; the code is in your mail."},
	domain.ErrInvalidRefreshToken: {http.StatusUnauthorized, "The refresh token cannot be used (any more). Log in again."},
	domain.ErrInvalidCode:         {http.StatusUnprocessableEntity, "The code is wrong, used or too old. Ask for another."},
	domain.ErrUserUnknown:         {http.StatusNotFound, "Nobody has this e-mail address."},
	domain.ErrWalletsNotClosed:    {http.StatusConflict, "Empty and close your wallets first."},
	domain.ErrInvalidCursor:       {http.StatusBadRequest, "The cursor was not given out by this service."},
}

// Problem is the one table from errors to answers; nil means an internal error.
func Problem(err error) *problem.Problem {
	var (
		refusal   domain.Refusal
		invalid   domain.Invalid
		throttled domain.Throttled
	)
	switch {
	case errors.As(err, &refusal):
		if a, known := answers[refusal]; known {
			return problem.New(a.status, refusal.Error(), a.detail)
		}
	case errors.As(err, &invalid):
		p := problem.New(http.StatusUnprocessableEntity, "validation_failed", "Some members of the request cannot be accepted; see errors.")
		for _, f := range invalid.Fields {
			p.Errors = append(p.Errors, problem.Field{Field: f.Field, Code: f.Code, Detail: f.Detail})
		}
		return p
	case errors.As(err, &throttled):
		p := problem.New(http.StatusTooManyRequests, "too_many_attempts", "Too many failed attempts. Wait, then try again.")
		p.RetryAfter = throttled.RetryAfter
		return p
	case errors.Is(err, context.DeadlineExceeded):
		return problem.New(http.StatusServiceUnavailable, "timeout", "The request took too long.")
	case database.IsUnavailable(err), errors.Is(err, ports.ErrUnavailable):
		p := problem.New(http.StatusServiceUnavailable, "unavailable", "Something this service needs does not answer now. Try again.")
		p.RetryAfter = time.Second
		return p
	}
	return nil
}
