package rest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
)

func TestProblemOf_EveryRefusalHasItsAnswer(t *testing.T) {
	t.Parallel()
	for _, refusal := range domain.Refusals() {
		p := problemOf(refusal)
		require.NotNil(t, p, refusal)
		require.Equal(t, string(refusal), p.Code)
		require.NotEmpty(t, p.Detail)
		require.GreaterOrEqual(t, p.Status, http.StatusBadRequest)
		require.Equal(t, refusal == domain.ErrProviderUnavailable, p.Status == http.StatusServiceUnavailable, refusal)
		require.NotEqual(t, http.StatusInternalServerError, p.Status)
	}
	require.Len(t, answers, len(domain.Refusals()), "and no answer is left over")
	require.Nil(t, problemOf(http.ErrNoCookie), "what nobody foresaw is a 500")
}
