package faults_test

import (
	"database/sql"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/torture"
)

func TestPostgresStops_NothingAnsweredIsLostAndItRecoversByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{people: 4})
	tr := w.traffic(8)
	for range torture.Times() {
		for _, how := range []pgtest.Shutdown{pgtest.Immediate, pgtest.Fast} {
			tr.flows(30)
			w.server.Stop(how)
			w.notReady()
			a := w.pay(w.people[0], w.people[1], 1, uuid.NewString())
			require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
			require.NotEmpty(t, a.Header.Get("Retry-After"))
			require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			w.server.Start()
			w.ready()
		}
	}
	tr.flows(30)
	tr.settle()
}

func TestBackendsKilled_NothingAnsweredIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{people: 4})
	tr := w.traffic(8)
	killed := 0
	for range 5 * torture.Times() {
		tr.flows(10)
		killed += w.server.KillBackends("micropay_transaction")
	}
	tr.flows(30)
	require.Positive(t, killed)
	tr.settle()
}

func TestPostgresFrozen_EveryRequestIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{people: 4})
	tr := w.traffic(8)
	tr.flows(30)
	w.server.Freeze()
	w.notReady()
	// More than there is: what a frozen server has read may yet be done when it thaws.
	a := w.pay(w.people[0], w.people[1], 1<<40, uuid.NewString())
	require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
	a = w.get(w.people[0], "/transaction/wallets")
	require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
	w.server.Thaw()
	w.ready()
	tr.flows(30)
	tr.settle()
	require.Less(t, tr.slowest, requestTimeout+time.Second)
}

func TestTableLocked_WritesAreRefusedInTimeAndReadsOfOthersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{people: 4})
	tr := w.traffic(8)
	tr.flows(30)
	tx, err := w.admin.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `LOCK TABLE transaction.account, transaction.entry IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	a := w.pay(w.people[0], w.people[1], 1, uuid.NewString())
	require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
	require.Less(t, a.Took, requestTimeout+time.Second)
	require.Equal(t, http.StatusOK, probe(w.platform, "/livez"))
	require.Equal(t, http.StatusOK, w.get(w.people[0], "/auth/me").Status, "the other service does not notice")
	require.NoError(t, tx.Rollback())
	tr.flows(30)
	tr.settle()
}

func TestReadOnlyDatabase_ReadsGoOnAndWritesAre503(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	set := func(to string) {
		_, err := w.admin.ExecContext(t.Context(), `ALTER DATABASE postgres SET default_transaction_read_only = `+to)
		require.NoError(t, err)
		w.server.KillBackends("micropay_transaction")
		w.server.KillBackends("micropay_auth")
	}
	set("on")
	require.Eventually(t, func() bool { return w.get(w.people[0], "/transaction/wallets").Status == http.StatusOK }, recovery, 20*time.Millisecond)
	before := w.balance(w.people[0])
	for path, body := range map[string]any{
		"/transaction/transfers": transferOf(w.people[0], w.people[1], 1),
		"/transaction/wallets":   fields{"currency": "USD", "name": "x"},
		"/transaction/topups":    fields{"wallet_id": w.people[0].wallet, "amount": 1, "currency": "USD", "provider": "sandbox"},
		"/auth/register":         fields{"email": "late@example.com", "password": password, "name": "N"},
	} {
		a := w.call(w.people[0], uuid.NewString(), http.MethodPost, path, body)
		require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s: %s", path, a.Text)
	}
	require.Equal(t, before, w.balance(w.people[0]))
	_, err := w.admin.ExecContext(t.Context(), `SET default_transaction_read_only = off; ALTER DATABASE postgres SET default_transaction_read_only = off`)
	require.NoError(t, err)
	w.server.KillBackends("micropay_transaction")
	w.server.KillBackends("micropay_auth")
	w.ready()
	require.Eventually(t, func() bool {
		return w.pay(w.people[0], w.people[1], 1, "after-the-fault").Status == http.StatusCreated
	}, recovery, 20*time.Millisecond)
	w.clean()
}

func TestNoSessionLeft_IsSaidFastAndOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	var taken []*sqlx.DB
	fill := func() {
		for {
			db, err := sqlx.Open("postgres", w.server.AdminDSN())
			require.NoError(t, err)
			db.SetMaxOpenConns(1)
			if _, err = db.ExecContext(t.Context(), `SELECT 1`); err != nil {
				_ = db.Close()
				return
			}
			taken = append(taken, db)
		}
	}
	_, err := w.admin.ExecContext(t.Context(), `ALTER ROLE micropay_transaction CONNECTION LIMIT 0`)
	require.NoError(t, err)
	fill()
	w.kill("micropay_transaction", "micropay_auth")
	fill()
	a := w.pay(w.people[0], w.people[1], 1, uuid.NewString())
	require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
	require.Less(t, a.Took, requestTimeout)
	w.notReady()
	_, err = taken[0].ExecContext(t.Context(), `ALTER ROLE micropay_transaction CONNECTION LIMIT -1`)
	require.NoError(t, err)
	for _, db := range taken {
		require.NoError(t, db.Close())
	}
	w.ready()
	require.Equal(t, http.StatusCreated, w.pay(w.people[0], w.people[1], 1, uuid.NewString()).Status)
	w.clean()
}

// kill ends the sessions of roles over the one session that the test holds.
func (w *world) kill(roles ...string) {
	w.t.Helper()
	for _, r := range roles {
		_, err := w.admin.ExecContext(w.t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1`, r)
		require.NoError(w.t, err)
	}
}

func TestSessionsOfTheServices_AreDurableAndBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		require.NoError(t, w.admin.GetContext(t.Context(), &value, `SHOW `+setting))
		require.Equal(t, "on", value, setting)
	}
	var own int
	require.NoError(t, w.admin.GetContext(t.Context(), &own, `SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole
		WHERE rolname LIKE 'micropay%' AND array_to_string(setconfig, ' ') ~ 'synchronous_commit|fsync|full_page'`))
	require.Zero(t, own, "no role gives durability up")
	tx, err := w.admin.BeginTxx(t.Context(), &sql.TxOptions{})
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `LOCK TABLE transaction.account IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	a := w.get(w.people[0], "/transaction/wallets")
	require.Equal(t, http.StatusServiceUnavailable, a.Status)
	require.Less(t, a.Took, requestTimeout, "the lock timeout of the service's sessions is 300 ms here")
	require.NoError(t, tx.Rollback())
}
