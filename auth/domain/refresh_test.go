package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
)

func TestRefreshPolicy_KillsTheFamilyWhenAUsedTokenComesAgain(t *testing.T) {
	t.Parallel()
	live := domain.Session{ID: "s", Subject: "u", AuthTime: noon, ExpiresAt: noon.Add(time.Hour)}
	revoked := live
	revoked.RevokedAt = noon.Add(time.Minute)
	strict, lenient := domain.RefreshPolicy{}, domain.RefreshPolicy{Grace: 10 * time.Second}
	used := noon.Add(10 * time.Minute)
	for name, c := range map[string]struct {
		policy  domain.RefreshPolicy
		session domain.Session
		usedAt  time.Time
		now     time.Time
		want    domain.Verdict
	}{
		"fresh":                         {strict, live, time.Time{}, noon.Add(time.Minute), domain.Rotate},
		"at the end of the session":     {strict, live, time.Time{}, noon.Add(time.Hour), domain.Refuse},
		"revoked session":               {strict, revoked, time.Time{}, noon.Add(2 * time.Minute), domain.Refuse},
		"used, presented again":         {strict, live, used, used, domain.Kill},
		"used, within the grace":        {lenient, live, used, used.Add(9 * time.Second), domain.Rotate},
		"used, at the end of the grace": {lenient, live, used, used.Add(10 * time.Second), domain.Kill},
		"used, session revoked":         {lenient, revoked, used, used, domain.Refuse},
		"used, session expired":         {lenient, live, used, noon.Add(2 * time.Hour), domain.Refuse},
	} {
		require.Equal(t, c.want, c.policy.Judge(c.session, c.usedAt, c.now), name)
	}
}

func TestParseRefreshToken_TakesOnlyItsOwnForm(t *testing.T) {
	t.Parallel()
	token := domain.NewRefreshToken([32]byte{1, 2, 3})
	got, err := domain.ParseRefreshToken(token.Reveal())
	require.NoError(t, err)
	require.Equal(t, token, got)
	require.Len(t, token.Digest(), 32)
	require.NotContains(t, token.String(), token.Reveal()[4:], "printing it reveals nothing")
	require.NotEqual(t, token.Digest(), domain.NewRefreshToken([32]byte{1, 2, 4}).Digest())
	for _, raw := range []string{
		"", "mpr_", token.Reveal() + "A", token.Reveal()[1:], " " + token.Reveal(), strings.ToUpper(token.Reveal()),
		"mpr_" + strings.Repeat("!", 43), "mpr_" + strings.Repeat("_", 43), "eyJhbGciOiJub25lIn0.e30.", "mpr_" + strings.Repeat("A", 1<<16),
	} {
		_, err := domain.ParseRefreshToken(raw)
		require.ErrorIs(t, err, domain.ErrInvalidRefreshToken)
	}
}

func FuzzParseRefreshToken(f *testing.F) {
	for _, s := range []string{"", "mpr_", domain.NewRefreshToken([32]byte{9}).Reveal(), "mpr_" + strings.Repeat("_", 43)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := domain.ParseRefreshToken(raw)
		if err == nil {
			require.Equal(t, raw, token.Reveal(), "one token has one spelling")
			return
		}
		require.Equal(t, domain.ErrInvalidRefreshToken, err)
	})
}
