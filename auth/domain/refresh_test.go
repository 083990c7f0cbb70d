package domain_test

import (
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

