package pgproxy_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/testing/pgproxy"
	"github.com/micropay/micropay/testing/pgtest"
)

type bundle struct {
	proxy  *pgproxy.Proxy
	via    *sqlx.DB // by way of the proxy
	direct *sqlx.DB
}

func setup(t *testing.T) bundle {
	t.Helper()
	db := pgtest.New(t)
	_, err := db.Admin.ExecContext(t.Context(), "CREATE TABLE paid (n int)")
	require.NoError(t, err)
	b := bundle{proxy: pgproxy.New(t, db.DSN), direct: db.Admin}
	b.via, err = database.Open(t.Context(), database.Config{DSN: b.proxy.DSN, StatementTimeout: 2 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.via.Close() })
	return b
}

func (b bundle) pay(ctx context.Context) error {
	return database.InTx(ctx, b.via, nil, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO paid VALUES ($1)", 1)
		return err
	})
}

func (b bundle) paid(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, b.direct.GetContext(t.Context(), &n, "SELECT count(*) FROM paid"))
	return n
}

func requireUnknown(t *testing.T, err error) {
	t.Helper()
	var unknown *database.UnknownOutcomeError
	require.ErrorAs(t, err, &unknown)
}

func TestProxy_PassesEverythingByDefault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.pay(t.Context()))
	require.Equal(t, 1, b.paid(t))
	require.Equal(t, 1, b.proxy.Commits())
}

func TestCutBeforeCommit_ServerNeverSawIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.proxy.CutBeforeCommit(1)
	requireUnknown(t, b.pay(t.Context()))
	require.Zero(t, b.paid(t))
	require.NoError(t, b.pay(t.Context()), "only the next one")
}

func TestCutAfterCommit_ServerDidIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.proxy.PassCommit(1)
	b.proxy.CutAfterCommit(1)
	require.NoError(t, b.pay(t.Context()))
	requireUnknown(t, b.pay(t.Context()))
	require.Equal(t, 2, b.paid(t))
}

func TestSwallowCommit_ClientGivesUpByItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.proxy.SwallowCommit(1)
	requireUnknown(t, b.pay(t.Context()))
	require.Equal(t, 1, b.paid(t))
}

func TestFreeze_NothingPassesUntilThaw(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.pay(t.Context()))
	b.proxy.Freeze()
	done := make(chan error, 1)
	go func() { done <- b.pay(context.Background()) }()
	select {
	case err := <-done:
		require.Fail(t, "passed", "%v", err)
	case <-time.After(100 * time.Millisecond):
	}
	b.proxy.Thaw()
	require.NoError(t, <-done)
}

func TestKillAll_BreaksOpenTransactions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := database.InTx(t.Context(), b.via, nil, func(tx *sqlx.Tx) error {
		require.Positive(t, b.proxy.Open())
		b.proxy.KillAll()
		_, err := tx.ExecContext(t.Context(), "INSERT INTO paid VALUES (1)")
		return err
	})
	require.True(t, database.IsUnavailable(err), err)
	require.Eventually(t, func() bool { return b.proxy.Open() == 0 }, 5*time.Second, 5*time.Millisecond)
	require.Zero(t, b.paid(t))
}

func TestRefuse_IsAServerThatIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.proxy.Refuse(true)
	require.True(t, database.IsUnavailable(b.pay(t.Context())))
	b.proxy.Refuse(false)
	require.NoError(t, b.pay(t.Context()))
}

func TestDelay_MakesAnswersLate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.pay(t.Context()))
	b.proxy.Delay(60 * time.Millisecond)
	start := time.Now()
	_, err := b.via.ExecContext(t.Context(), "SELECT 1")
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), 60*time.Millisecond)
}

func TestVia_KeepsRoleAndDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := url.Parse(b.proxy.Via("postgres://someone:pw@elsewhere:1/bank"))
	require.NoError(t, err)
	require.Equal(t, "someone:pw", u.User.String())
	require.Equal(t, "/bank", u.Path)
}

func TestProxy_ClientAsksForEncryption_IsToldNo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := url.Parse(b.proxy.DSN)
	require.NoError(t, err)
	c, err := net.Dial("tcp", u.Host)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = c.Write(binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, 80877103))
	require.NoError(t, err)
	answer := make([]byte, 1)
	_, err = io.ReadFull(c, answer)
	require.NoError(t, err)
	require.Equal(t, "N", string(answer))

	_, err = c.Write([]byte{0, 0, 0, 1}) // garbage ends the line, not the proxy
	require.NoError(t, err)
	_, err = c.Read(answer)
	require.True(t, errors.Is(err, io.EOF) || err != nil)
	require.NoError(t, b.pay(t.Context()))
}

func TestProxy_CountsAStatementOfItsOwnAsACommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const statement = "INSERT INTO paid VALUES ($1)"
	b.proxy.CountAsCommit("INTO paid")
	b.proxy.CutBeforeCommit(1)
	b.proxy.CutAfterCommit(1)
	_, err := b.via.ExecContext(t.Context(), statement, 1)
	require.Error(t, err)
	require.Zero(t, b.paid(t))
	_, err = b.via.ExecContext(t.Context(), statement, 1)
	require.Error(t, err)
	require.Equal(t, 1, b.paid(t), "done, though the client did not hear")
	_, err = b.via.ExecContext(t.Context(), statement, 1)
	require.NoError(t, err)
	require.Equal(t, 3, b.proxy.Commits())
}
