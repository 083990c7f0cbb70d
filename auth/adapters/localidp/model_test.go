package localidp_test

import (
	"errors"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

func init() { _ = flag.Set("rapid.checks", "15") } // each step speaks to PostgreSQL; -rapid.checks=1000 overrides it

// family is what a model knows of one session: all its refresh tokens, the last one unused.
type family struct {
	tokens []string
	access string
	dead   bool
}

// TestSessions_BehaveLikeAModel plays any sequence of logins, refreshes (with any token ever given
// out), sign-outs and password changes against a model of three lines: the last token of a living
// family works, an earlier one kills the family, and the dead stay dead.
func TestSessions_BehaveLikeAModel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "ann@example.com")
	current, families := password, []*family{}
	rapid.Check(t, func(rt *rapid.T) {
		live := func(f *family) ports.Bearer { return b.bearer(t, f.access) }
		pick := func(what string) *family {
			return families[rapid.IntRange(max(0, len(families)-6), len(families)-1).Draw(rt, what)]
		}
		actions := map[string]func(*rapid.T){
			"log in": func(*rapid.T) {
				tokens, err := b.login(t, "ann@example.com", current)
				require.NoError(rt, err)
				families = append(families, &family{tokens: []string{tokens.Refresh}, access: tokens.Access})
			},
			"refresh": func(rt *rapid.T) {
				if len(families) == 0 {
					rt.Skip()
				}
				f := pick("family")
				n := rapid.IntRange(0, len(f.tokens)-1).Draw(rt, "token")
				tokens, err := b.Refresh(t.Context(), f.tokens[n])
				if f.dead || n < len(f.tokens)-1 {
					require.True(rt, errors.Is(err, domain.ErrInvalidRefreshToken), "%v", err)
					f.dead = true
					return
				}
				require.NoError(rt, err)
				f.tokens, f.access = append(f.tokens, tokens.Refresh), tokens.Access
			},
			"sign out": func(rt *rapid.T) {
				if len(families) == 0 {
					rt.Skip()
				}
				f := pick("family")
				require.NoError(rt, b.SignOut(t.Context(), live(f)))
				f.dead = true
			},
			"change password": func(rt *rapid.T) {
				if len(families) == 0 {
					rt.Skip()
				}
				keep := pick("keep")
				next := current + "!"
				if len(next) > 60 {
					next = password
				}
				require.NoError(rt, b.ChangePassword(t.Context(), live(keep), current, next))
				current = next
				for _, f := range families {
					f.dead = f.dead || f != keep
				}
			},
			"": func(rt *rapid.T) {
				for _, f := range families[max(0, len(families)-6):] {
					who := live(f)
					dead, err := b.revocations.Revoked(t.Context(), who.Subject, who.SessionID, b.clock.Now())
					require.NoError(rt, err)
					require.Equal(rt, f.dead, dead, "the feed says what the model says")
				}
			},
		}
		rt.Repeat(actions)
	})
}
