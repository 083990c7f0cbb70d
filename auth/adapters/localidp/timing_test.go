package localidp_test

import (
	"slices"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/localidp"
)

// An unknown address costs a hash like a known one. The bound is wide, since tests share the
// machine; without the hash the ratio would be above 10.
func TestAuthenticate_UnknownAddressesTakeAsLong(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *localidp.Options) {
		o.Argon2 = argon2id.Params{Memory: 19 * 1024, Iterations: 4, Parallelism: 1, SaltLength: 16, KeyLength: 32}
		o.Accounts.Free, o.Networks.Free = 1000, 1000
	})
	b.register(t, "ann@example.com")
	sample := func(address string) time.Duration {
		began := time.Now()
		_, err := b.login(t, address, "wrong")
		require.Error(t, err)
		return time.Since(began)
	}
	sample("nobody@example.com") // makes the hash that is compared with
	var known, unknown []time.Duration
	for range 7 {
		known, unknown = append(known, sample("ann@example.com")), append(unknown, sample("nobody@example.com"))
	}
	slices.Sort(known)
	slices.Sort(unknown)
	ratio := float64(known[3]) / float64(unknown[3])
	require.InDelta(t, 1.5, ratio, 1.25, "known %s, unknown %s", known[3], unknown[3])
}
