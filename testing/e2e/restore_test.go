package e2e_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/testing/pgtest"
)

// site is a database server and the services on it, as an operator has them.
type site struct {
	t                 *testing.T
	server            *pgtest.Server
	admin             string // the administrator's address
	auth, transaction *service
}

// newSite is an empty one.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, server: pgtest.NewServer(t)}
	s.admin = s.server.New(t).AdminDSN
	return s
}

// operate runs commands of an operator, with our programs on the PATH, and requires them to succeed.
func (s *site) operate(dir, script string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+s.server.BinDir()+":"+os.Getenv("PATH"), "GOCOVERDIR="+os.Getenv("MICROPAY_COVERDIR"),
		"DATABASE_URL="+s.admin, "AUTH_DB_PASSWORD=of-auth-for-tests", "TRANSACTION_DB_PASSWORD=of-transaction-for-tests")
	said, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s\n%s", script, said)
	s.t.Logf("%s", said)
}

// start starts the services with the roles of the database.
func (s *site) start() {
	s.t.Helper()
	address := func(role, password string) string {
		u, err := url.Parse(s.admin)
		require.NoError(s.t, err)
		u.User = url.UserPassword(role, password)
		return "DATABASE_URL=" + u.String()
	}
	authAddr, authInside, addr, inside := freeAddress(s.t), freeAddress(s.t), freeAddress(s.t), freeAddress(s.t)
	both := []string{"INTERNAL_TOKEN=between-the-services", "AUTH_ISSUER=http://" + authAddr, "DRAIN_DELAY=100ms", "GOCOVERDIR=" + os.Getenv("MICROPAY_COVERDIR")}
	s.auth = &service{t: s.t, program: filepath.Join(programs, "auth"), addr: authAddr, env: append([]string{
		address("micropay_auth", "of-auth-for-tests"), "AUTH_ADDR=" + authAddr, "AUTH_INTERNAL_ADDR=" + authInside, "TRANSACTION_URL=http://" + inside,
		"LOCAL_MODE=true", "MAIL_DIR=" + s.t.TempDir(), "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1",
	}, both...)}
	s.transaction = &service{t: s.t, program: filepath.Join(programs, "transaction"), addr: addr, env: append([]string{
		address("micropay_transaction", "of-transaction-for-tests"), "TRANSACTION_ADDR=" + addr, "TRANSACTION_INTERNAL_ADDR=" + inside,
		"AUTH_URL=http://" + authInside, "PAYMENT_SANDBOX=true",
	}, both...)}
	for _, one := range []*service{s.auth, s.transaction} {
		one.start()
		s.t.Cleanup(func() { one.end(syscall.SIGKILL) })
	}
}

// login is a person who is known there, and their only wallet with what is in it.
func (s *site) login(email string) (token, wallet string, balance float64) {
	s.t.Helper()
	token, _ = s.auth.call(200, "", "POST", "/auth/login", body{"email": email, "password": "a river of cold tea"})["access_token"].(string)
	list := s.transaction.call(200, token, "GET", "/transaction/wallets", nil)["data"].([]any)
	require.Len(s.t, list, 1)
	one := list[0].(map[string]any)
	return token, one["id"].(string), one["balance"].(map[string]any)["amount"].(float64)
}

// rights are who may do what with which table.
func (s *site) rights() (all []string) {
	s.t.Helper()
	db, err := database.Open(s.t.Context(), database.Config{DSN: s.admin, MaxOpen: 1})
	require.NoError(s.t, err)
	defer func() { _ = db.Close() }()
	require.NoError(s.t, db.SelectContext(s.t.Context(), &all, `SELECT format('%s.%s %s %s', n.nspname, c.relname, pg_get_userbyid(c.relowner), c.relacl)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('auth', 'transaction') ORDER BY 1`))
	require.NotEmpty(s.t, all)
	return all
}

// commands are those that docs/operations.md gives under a heading.
func commands(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)\n### " + heading + "\n.*?```sh\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, found, "commands under %q", heading)
	return string(found[1])
}

// TestBackup_TakenWhileMoneyMoves_IsWholeWhereItIsRestored runs the commands of docs/operations.md: a
// dump of a platform at work, an empty server somewhere else, and the services on it.
func TestBackup_TakenWhileMoneyMoves_IsWholeWhereItIsRestored(t *testing.T) {
	t.Parallel()
	files, before := t.TempDir(), newSite(t)
	if _, err := os.Stat(filepath.Join(before.server.BinDir(), "pg_dump")); err != nil {
		t.Skipf("needs pg_dump beside the server's programs, which has none there: %v (Debian: apt install postgresql)", err)
	}
	before.operate(files, "micropay migrate")
	before.start()
	for _, email := range []string{"ann@example.com", "bob@example.com"} {
		before.auth.call(201, "", "POST", "/auth/register", body{"email": email, "password": "a river of cold tea", "name": "One"})
	}
	ann, from, _ := before.login("ann@example.com")
	_, to, _ := before.login("bob@example.com")
	before.transaction.call(201, ann, "POST", "/transaction/topups", body{"wallet_id": from, "amount": 100_000, "currency": "USD", "provider": "sandbox"})
	pay := func(s *site, token string) {
		s.transaction.call(201, token, "POST", "/transaction/transfers", body{"from_wallet_id": from, "to_wallet_id": to, "amount": 1, "currency": "USD"})
	}
	pay(before, ann)
	var over atomic.Bool
	sent := 1
	var paying sync.WaitGroup
	paying.Go(func() {
		for ; !over.Load(); sent++ {
			pay(before, ann)
		}
	})
	before.operate(files, commands(t, "Back up"))
	over.Store(true)
	paying.Wait()

	after := newSite(t)
	after.operate(files, commands(t, "Restore"))
	require.Equal(t, before.rights(), after.rights())
	after.start()
	again, sameFrom, left := after.login("ann@example.com")
	_, sameTo, got := after.login("bob@example.com")
	require.Equal(t, []string{from, to}, []string{sameFrom, sameTo})
	require.EqualValues(t, 100_000, left+got)
	require.GreaterOrEqual(t, got, 1.0)
	require.LessOrEqual(t, got, float64(sent))
	pay(after, again)
	after.transaction.call(http.StatusUnauthorized, "no token", "GET", "/transaction/wallets", nil)
	after.operate(files, "micropay audit")
}
