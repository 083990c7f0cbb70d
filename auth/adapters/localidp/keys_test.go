package localidp_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/localidp"
)

func databaseKeys(o *localidp.Options) { o.SigningKey = nil }

func kids(t *testing.T, p *localidp.Provider) (out []string) {
	t.Helper()
	raw, err := p.Keys().JWKS(t.Context())
	require.NoError(t, err)
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	require.NoError(t, json.Unmarshal(raw, &set))
	for _, key := range set.Keys {
		require.Equal(t, "RSA", key["kty"])
		require.Equal(t, "RS256", key["alg"])
		require.Equal(t, "sig", key["use"])
		require.Equal(t, "AQAB", key["e"])
		require.Len(t, key, 6, "nothing private")
		out = append(out, key["kid"])
	}
	return out
}

func TestKeys_AreSharedByReplicasAndMadeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, databaseKeys)
	require.Empty(t, kids(t, b.Provider))
	b.register(t, "ann@example.com")
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	other := b
	other.Provider = b.replica()
	require.Equal(t, b.claims(t, tokens.Access), other.claims(t, tokens.Access))
	_, err = other.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.Len(t, kids(t, other.Provider), 1)
}

func TestRotate_OldTokensStayGoodUntilTheyExpire(t *testing.T) {
	t.Parallel()
	b := setup(t, databaseKeys)
	b.register(t, "ann@example.com")
	before, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	old := kids(t, b.Provider)
	require.NoError(t, b.replica().Keys().Rotate(t.Context()))
	b.clock.advance(11 * time.Second)
	after, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	require.Len(t, kids(t, b.Provider), 2)
	b.claims(t, before.Access)
	b.claims(t, after.Access)
	b.clock.advance(16 * time.Minute)
	require.Len(t, kids(t, b.Provider), 1)
	_, err = b.Keys().Key(t.Context(), old[0])
	require.ErrorIs(t, err, localidp.ErrUnknownKey)
}

func TestRotate_ANewKeyIsPublishedBeforeItSigns(t *testing.T) {
	t.Parallel()
	b := setup(t, databaseKeys, func(o *localidp.Options) { o.KeyLead, o.KeyMaxAge = time.Hour, 24*time.Hour })
	b.register(t, "ann@example.com")
	_, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	first := kids(t, b.Provider)
	require.NoError(t, b.KeepHouse(t.Context()))
	require.Equal(t, first, kids(t, b.Provider), "young enough")
	b.clock.advance(24 * time.Hour)
	require.NoError(t, b.KeepHouse(t.Context()))
	require.NoError(t, b.KeepHouse(t.Context()))
	both := kids(t, b.Provider)
	require.Len(t, both, 2)
	require.Equal(t, first[0], b.signedBy(t), "published, not signing yet")
	b.clock.advance(time.Hour)
	require.Equal(t, both[0], b.signedBy(t))
	require.NotEqual(t, first[0], both[0])
}

func (b bundle) signedBy(t *testing.T) string {
	t.Helper()
	tokens, err := b.login(t, "ann@example.com", password)
	require.NoError(t, err)
	b.claims(t, tokens.Access)
	return header(t, tokens.Access)["kid"]
}

func TestKeys_AKeyFromOutsideSignsInsteadAndIsPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Len(t, kids(t, b.Provider), 1)
	b.register(t, "ann@example.com")
	require.Equal(t, kids(t, b.Provider)[0], b.signedBy(t))
}

func TestKeys_KnownKeysVerifyWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t, databaseKeys)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Keys().JWKS(gone)
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.Keys().Key(gone, "x")
	require.ErrorIs(t, err, context.Canceled)
	b.register(t, "ann@example.com")
	kid := b.signedBy(t)
	b.clock.advance(time.Minute)
	_, err = b.Keys().Key(gone, kid)
	require.NoError(t, err)
	require.ErrorIs(t, b.Keys().Rotate(gone), context.Canceled)
}

func TestKeys_ARowThatIsNoKeyIsAFault(t *testing.T) {
	t.Parallel()
	b := setup(t, databaseKeys)
	_, err := b.db.Owner.Exec("INSERT INTO auth.signing_key (kid, private_key, active_at) VALUES ('k', 'junk', now())")
	require.NoError(t, err)
	_, err = b.Keys().JWKS(t.Context())
	require.ErrorContains(t, err, "signing key k")
}
