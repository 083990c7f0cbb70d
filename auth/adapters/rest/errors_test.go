package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/rest"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func TestProblem_EveryRefusalHasAnAnswer(t *testing.T) {
	t.Parallel()
	for _, refusal := range domain.Refusals() {
		p := rest.Problem(fmt.Errorf("use case: %w", refusal))
		require.NotNil(t, p, refusal)
		require.Equal(t, refusal.Error(), p.Code)
		require.NotEmpty(t, p.Detail)
		require.True(t, p.Status >= 400 && p.Status < 500)
	}
	require.Nil(t, rest.Problem(domain.Refusal("nobody_knows")))
}

func TestProblem_TellsFaultsApart(t *testing.T) {
	t.Parallel()
	invalid := rest.Problem(fmt.Errorf("x: %w", domain.Reject(domain.FieldError{Field: "name", Code: "required", Detail: "d"})))
	require.Equal(t, http.StatusUnprocessableEntity, invalid.Status)
	require.Equal(t, "name", invalid.Errors[0].Field)
	throttled := rest.Problem(fmt.Errorf("x: %w", domain.Throttled{RetryAfter: 3 * time.Second}))
	require.Equal(t, http.StatusTooManyRequests, throttled.Status)
	require.Equal(t, 3*time.Second, throttled.RetryAfter)
	for _, err := range []error{ports.ErrUnavailable, &pq.Error{Code: "57P01"}} {
		require.Equal(t, "unavailable", rest.Problem(fmt.Errorf("x: %w", err)).Code)
	}
	require.Equal(t, "timeout", rest.Problem(fmt.Errorf("x: %w", context.DeadlineExceeded)).Code)
	require.Nil(t, rest.Problem(errors.New("a secret the client must not see")))
}
