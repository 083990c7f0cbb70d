package faults_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/testing/pgtest"
)

// Replicas that are started at once, each on a machine of its own, are one platform.
func TestReplicasStartingAtOnce_OnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	const replicas = 3
	platforms, errs := make([]*serve.Platform, replicas), make([]error, replicas)
	var all sync.WaitGroup
	for i := range platforms {
		all.Go(func() {
			platforms[i], errs[i] = tryPlatform(t, server.AdminDSN(), nil, "INTERNAL_TOKEN=between-services-of-one-platform")
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, p := range platforms {
		require.Eventually(t, func() bool { return probe(p, "/readyz") == http.StatusOK }, 10*time.Second, 20*time.Millisecond)
	}
	w := &world{t: t, server: server, platform: platforms[0]}
	w.admin = w.open(server.AdminDSN())
	ann, bob := w.register("ann@example.com"), w.register("bob@example.com")
	for i := range 20 { // whatever one replica did, the others know at once
		w.platform = platforms[i%replicas]
		w.must(ann, http.MethodPost, "/transaction/transfers", transferOf(ann, bob, 1))
		w.platform = platforms[(i+1)%replicas]
		require.Equal(t, start-i-1, w.balance(ann))
	}
	w.clean()
}
