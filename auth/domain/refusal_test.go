package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
)

func TestRefusals_HaveDistinctStableCodes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range domain.Refusals() {
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, r.Error())
		require.False(t, seen[r.Error()], "%s twice", r)
		seen[r.Error()] = true
	}
	require.Len(t, seen, 8)
}

func TestInvalid_NamesEveryFieldAndItsCode(t *testing.T) {
	t.Parallel()
	err := domain.Reject(
		domain.FieldError{Field: "email", Code: "malformed"},
		domain.FieldError{Field: "name", Code: "too_long"})
	require.EqualError(t, err, "invalid input: email: malformed, name: too_long")
	require.NoError(t, domain.Reject())
}

func TestThrottled_SaysHowLongToWait(t *testing.T) {
	t.Parallel()
	require.EqualError(t, domain.Throttled{RetryAfter: 4 * time.Second}, "too many attempts, retry after 4s")
}
