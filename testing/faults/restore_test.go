package faults_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/testing/pgtest"
)

// What docs/operations.md says of backups: one taken while people pay, restored into a server that
// knows nothing of us, is a platform whose books are right, that knows its people, their tokens and
// the keys of what they did.
func TestBackup_TakenUnderLoad_IsAPlatformAgain(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s on the PATH (Debian: apt install postgresql-client)", program)
		}
	}
	run := func(program string, args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
		require.NoError(t, err, "%s: %s", program, out)
	}
	const issuedBy = "INTERNAL_TOKEN=between-services-of-one-platform"
	w := newWorld(t, options{people: 2, env: []string{issuedBy}})
	ann, bob := w.people[0], w.people[1]
	const before = 50
	for i := range before {
		require.Equal(t, http.StatusCreated, w.pay(ann, bob, 1, fmt.Sprint("before-", i)).Status)
	}
	first := w.pay(ann, bob, 1, "before-0").Body["id"]

	stop := make(chan bool)
	var paying sync.WaitGroup
	for range 4 {
		paying.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.settled(ann, bob, 1, uuid.NewString())
				}
			}
		})
	}
	file := filepath.Join(t.TempDir(), "micropay.dump")
	run("pg_dump", "--format=custom", "--file="+file, w.server.AdminDSN())
	close(stop)
	paying.Wait()
	later := w.transfers()

	fresh := pgtest.NewServer(t)
	c, err := serve.Load([]string{"DATABASE_URL=" + fresh.AdminDSN(), "MICROPAY_DATA=" + t.TempDir()})
	require.NoError(t, err)
	_, err = serve.Migrate(t.Context(), c) // the roles
	require.NoError(t, err)
	run("pg_restore", "--clean", "--if-exists", "--exit-on-error", "--dbname="+fresh.AdminDSN(), file)

	back := &world{t: t, server: fresh}
	back.platform = startPlatform(t, fresh.AdminDSN(), nil, issuedBy)
	back.admin = back.open(fresh.AdminDSN())
	back.clean()
	kept := back.transfers()
	t.Logf("%d transfers before the backup began, %d in it, %d when it was done", before, kept, later)
	require.GreaterOrEqual(t, kept, before)
	require.LessOrEqual(t, kept, later)
	require.Equal(t, start-kept, back.balance(ann), "her token is good still")
	again := back.pay(ann, bob, 1, "before-0")
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	require.Equal(t, first, again.Body["id"])
	require.Equal(t, http.StatusCreated, back.pay(ann, bob, 1, uuid.NewString()).Status, "and it goes on")
	back.must(person{}, http.MethodPost, "/auth/login", fields{"email": bob.email, "password": password})
}
