package ses_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/ports"
)

func TestSend_WhatSESRefuses_IsForEverOrForNow(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		want   error
	}{
		// Documented for SendEmail.
		"AccountSuspendedException":          {http.StatusBadRequest, ports.ErrUnavailable},
		"BadRequestException":                {http.StatusBadRequest, ports.ErrUndeliverable},
		"LimitExceededException":             {http.StatusBadRequest, ports.ErrUnavailable},
		"MailFromDomainNotVerifiedException": {http.StatusBadRequest, ports.ErrUnavailable},
		"MessageRejected":                    {http.StatusBadRequest, ports.ErrUndeliverable},
		"NotFoundException":                  {http.StatusNotFound, ports.ErrUnavailable},
		"SendingPausedException":             {http.StatusBadRequest, ports.ErrUnavailable},
		"TooManyRequestsException":           {http.StatusTooManyRequests, ports.ErrUnavailable},
		// Common to all actions.
		"AccessDeniedException":       {http.StatusForbidden, ports.ErrUnavailable},
		"ExpiredTokenException":       {http.StatusForbidden, ports.ErrUnavailable},
		"IncompleteSignature":         {http.StatusBadRequest, ports.ErrUnavailable},
		"InternalFailure":             {http.StatusInternalServerError, ports.ErrUnavailable},
		"OptInRequired":               {http.StatusForbidden, ports.ErrUnavailable},
		"RequestExpired":              {http.StatusBadRequest, ports.ErrUnavailable},
		"ServiceUnavailable":          {http.StatusServiceUnavailable, ports.ErrUnavailable},
		"ThrottlingException":         {http.StatusBadRequest, ports.ErrUnavailable},
		"UnrecognizedClientException": {http.StatusForbidden, ports.ErrUnavailable},
		"ValidationError":             {http.StatusBadRequest, ports.ErrUndeliverable},
		// Heard of by nobody.
		"SomethingNewException": {http.StatusBadRequest, ports.ErrUnavailable},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			answer := refuse(c.status, code)
			d := newDouble(t, answer, answer, answer, answer, answer)
			err := d.mailer().Send(t.Context(), mail(t))
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, code, "the operator is told why")
			require.ErrorContains(t, err, "request-7")
			require.NotContains(t, err.Error(), "ann", "no error tells the address")
		})
	}
}
