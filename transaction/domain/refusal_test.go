package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
)

func TestRefusals_AreDistinctStableCodes(t *testing.T) {
	t.Parallel()
	seen := map[domain.Refusal]bool{}
	for _, r := range domain.Refusals() {
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, string(r))
		require.Equal(t, string(r), r.Error())
		require.False(t, seen[r], "%s is listed twice", r)
		seen[r] = true
	}
	require.True(t, seen[domain.ErrInsufficientFunds])
	require.GreaterOrEqual(t, len(seen), 15)
}

func TestInvalid_NamesEveryField(t *testing.T) {
	t.Parallel()
	err := domain.Invalid{
		{Field: "name", Code: "too_long", Detail: "at most 100 characters"},
		{Field: "amount", Code: "not_positive", Detail: "must be at least 1"},
	}
	require.EqualError(t, err, "invalid: name too_long, amount not_positive")
}
