package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/stripe/stripe-go/v84"

	"github.com/micropay/micropay/shared/resilience"
	"github.com/micropay/micropay/transaction/ports"
)

// refusal returns the code of an answer by which Stripe says no for good: nothing was done, and
// asking again would be answered alike. Conflicts over an idempotency key, refused credentials
// and limits are none. Source: docs.stripe.com/api/errors.
func refusal(err error) (string, bool) {
	var e *stripe.Error
	if !errors.As(err, &e) || e.Type == stripe.ErrorTypeIdempotency {
		return "", false
	}
	switch e.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound, http.StatusUnprocessableEntity:
	default:
		return "", false
	}
	if e.Code != "" {
		return string(e.Code), true
	}
	return string(e.Type), e.Type != ""
}

// missing reports whether Stripe says that it has no such object; another 404 is about an address.
func missing(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.HTTPStatusCode == http.StatusNotFound && e.Code == stripe.ErrorCodeResourceMissing
}

// unfit is what is wrong with an answer that could be read.
type unfit string

func (u unfit) Error() string { return string(u) }

func unfitf(format string, args ...any) error { return unfit(fmt.Sprintf(format, args...)) }

// fault says what an error means for the outcome. Stripe's own text is left out: it repeats
// objects with what is in them. So does stripe-go's about an answer that it cannot decode.
func fault(doing string, err error) error {
	var e *stripe.Error
	var noAnswer *url.Error
	var misfit unfit
	switch {
	case err == nil, errors.Is(err, ports.ErrNotKnown):
		return err
	case errors.Is(err, resilience.ErrNotSent):
		return fmt.Errorf("stripe: %s: %w: %w", doing, ports.ErrNothingDone, err)
	case errors.As(err, &noAnswer), errors.As(err, &misfit):
		return fmt.Errorf("stripe: %s: %w", doing, err)
	case !errors.As(err, &e):
		return fmt.Errorf("stripe: %s: an answer that cannot be read", doing)
	case e.HTTPStatusCode == http.StatusUnauthorized, e.HTTPStatusCode == http.StatusForbidden, e.HTTPStatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("stripe: %s: %w: %d %s", doing, ports.ErrNothingDone, e.HTTPStatusCode, e.Code)
	}
	return fmt.Errorf("stripe: %s: %d %s %s, request %s", doing, e.HTTPStatusCode, e.Type, e.Code, e.RequestID)
}
