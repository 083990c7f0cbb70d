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

func TestParseCode_ForgivesHowPeopleType(t *testing.T) {
	t.Parallel()
	code := domain.NewCode([12]byte{0, 1, 10, 31, 32, 255, 7, 8, 9, 20, 21, 22})
	require.Equal(t, "01AZ-0Z78-9MNP", code.Reveal())
	for _, typed := range []string{"01AZ-0Z78-9MNP", "01az0z789mnp", " o1az oz78 9mnp ", "OiAZ-0Z78-9MNP", "0lAZ-0Z78-9MNP"} {
		got, err := domain.ParseCode(typed)
		require.NoError(t, err, typed)
		require.Equal(t, code, got)
		require.Equal(t, code.Digest(), got.Digest())
	}
	for _, typed := range []string{"", "01AZ-0Z78-9MN", "01AZ-0Z78-9MNPP", "01AZ-0Z78-9MNU", "01AZ-0Z78-9MNé"} {
		_, err := domain.ParseCode(typed)
		require.ErrorIs(t, err, domain.ErrInvalidCode, typed)
	}
	require.NotContains(t, code.String(), "01AZ", "printing it reveals nothing")
}

func FuzzParseCode(f *testing.F) {
	f.Add("01AZ-0Z78-9MNP")
	f.Add("o1az oz78 9mnp")
	f.Fuzz(func(t *testing.T, raw string) {
		code, err := domain.ParseCode(raw)
		if err != nil {
			require.Equal(t, domain.ErrInvalidCode, err)
			return
		}
		again, err := domain.ParseCode(code.Reveal())
		require.NoError(t, err)
		require.Equal(t, code, again)
	})
}
