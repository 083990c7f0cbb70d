package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
)

func TestMailedCode_IsGoodOnceForAWhileAndForFewTries(t *testing.T) {
	t.Parallel()
	fresh := domain.MailedCode{ExpiresAt: noon.Add(time.Hour)}
	used, tired := fresh, fresh
	used.UsedAt = noon
	tired.Attempts = domain.MaxCodeAttempts
	require.NoError(t, fresh.Judge(true, noon))
	require.ErrorIs(t, fresh.Judge(false, noon), domain.ErrInvalidCode)
	require.ErrorIs(t, fresh.Judge(true, noon.Add(time.Hour)), domain.ErrInvalidCode, "expired")
	require.ErrorIs(t, used.Judge(true, noon), domain.ErrInvalidCode, "single use")
	require.ErrorIs(t, tired.Judge(true, noon), domain.ErrInvalidCode, "tried too often")
}
