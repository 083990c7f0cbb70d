package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	authmigrations "github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/transaction/migrations"
)

// pair is both services as processes of their own, on one database server.
type pair struct {
	t                 *testing.T
	db                *pgtest.DB
	auth, transaction *service
	password          string // that people choose
	mail              func(to, subject string) (bodies []string)
}

// service is one process, which can be killed and started again.
type service struct {
	t       *testing.T
	program string
	addr    string
	inside  string // its internal port's
	env     []string
	cmd     *exec.Cmd
}

func (s *service) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.program)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stderr = os.Stderr
	require.NoError(s.t, s.cmd.Start())
	require.Eventually(s.t, func() bool {
		resp, err := http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond)
}

func (s *service) end(signal os.Signal) {
	_ = s.cmd.Process.Signal(signal)
	_ = s.cmd.Wait()
}

func (s *service) call(want int, token, method, path string, body any) map[string]any {
	s.t.Helper()
	a := (&platform{t: s.t, addr: s.addr}).call(token, uuid.NewString(), method, path, body)
	require.Equal(s.t, want, a.Status, "%s %s: %v", method, path, a.Body)
	return a.Body
}

// start runs both services; env is told to both.
func (p *pair) start(env, ofAuth, ofTransaction []string) {
	p.t.Helper()
	p.db = pgtest.New(p.t, pgtest.Schema{Name: "auth", FS: authmigrations.FS}, pgtest.Schema{Name: "transaction", FS: migrations.FS})
	authInside, transactionInside := freeAddress(p.t), freeAddress(p.t)
	env = append([]string{
		"INTERNAL_TOKEN=between-the-services", "EVENTS_FIRST_RETRY=100ms", "EVENTS_WAIT=1s", "EVENTS_VISIBILITY=3s", "DRAIN_DELAY=100ms",
		"OUTBOX_LEASE=3s", "MAIL_POLL=100ms", "GOCOVERDIR=" + os.Getenv("MICROPAY_COVERDIR"),
	}, env...)
	p.auth = &service{t: p.t, program: filepath.Join(programs, "auth"), inside: authInside, addr: strings.TrimPrefix(issuerOf(ofAuth), "http://")}
	if p.auth.addr == "" {
		p.auth.addr = freeAddress(p.t)
	}
	p.auth.env = slices.Concat(env, ofAuth, []string{
		"DATABASE_URL=" + p.db.Roles["auth"].App, "AUTH_ADDR=" + p.auth.addr, "AUTH_INTERNAL_ADDR=" + authInside, "TRANSACTION_URL=http://" + transactionInside,
	})
	p.transaction = &service{t: p.t, program: filepath.Join(programs, "transaction"), inside: transactionInside, addr: freeAddress(p.t)}
	p.transaction.env = slices.Concat(env, ofTransaction, []string{
		"DATABASE_URL=" + p.db.Roles["transaction"].App, "TRANSACTION_ADDR=" + p.transaction.addr, "TRANSACTION_INTERNAL_ADDR=" + transactionInside,
		"AUTH_URL=http://" + authInside, "PAYMENT_SANDBOX=true",
	})
	for _, s := range []*service{p.auth, p.transaction} {
		s.start()
		p.t.Cleanup(func() { s.end(syscall.SIGKILL) })
	}
}

// issuerOf is the local issuer's address, if it is told.
func issuerOf(env []string) string {
	for _, v := range env {
		if address, is := strings.CutPrefix(v, "AUTH_ISSUER="); is && strings.HasPrefix(address, "http://") {
			return address
		}
	}
	return ""
}

func (p *pair) person(email, name, locale string) (token, wallet string) {
	p.t.Helper()
	p.auth.call(201, "", "POST", "/auth/register", map[string]any{"email": email, "password": p.password, "name": name, "locale": locale})
	require.Eventually(p.t, func() bool { // nobody asked for it: the event brings it
		return p.db.Admin.GetContext(p.t.Context(), &wallet, `SELECT a.id FROM transaction.account a JOIN auth.users u ON u.id = a.owner_id WHERE u.email = $1`, email) == nil
	}, 30*time.Second, 50*time.Millisecond, "the wallet of %s", email)
	token, _ = p.auth.call(200, "", "POST", "/auth/login", map[string]any{"email": email, "password": p.password})["access_token"].(string)
	return token, wallet
}

// letters waits until somebody has so many of a subject.
func (p *pair) letters(to, subject string, n int) []string {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return len(p.mail(to, subject)) >= n }, 30*time.Second, 100*time.Millisecond, "%q to %s", subject, to)
	bodies := p.mail(to, subject)
	require.Len(p.t, bodies, n)
	return bodies
}

// story is what both must do together, however events travel.
func (p *pair) story() {
	t := p.t
	suffix := "-" + uuid.NewString()[:8] + "@example.com"
	ann, from := p.person("ann"+suffix, "Ann", "es")
	bob, to := p.person("bob"+suffix, "Bob", "en")
	p.transaction.call(201, ann, "POST", "/transaction/topups", map[string]any{"wallet_id": from, "amount": 5000, "currency": "USD", "provider": "sandbox"})
	send := func(amount int) {
		p.transaction.call(201, ann, "POST", "/transaction/transfers",
			map[string]any{"from_wallet_id": from, "to_wallet_id": to, "amount": amount, "currency": "USD", "description": "lunch <b>"})
	}
	send(1050)
	require.Contains(t, p.letters("bob"+suffix, "You received money at MicroPay", 1)[0], "10.50 USD")
	require.Contains(t, p.letters("ann"+suffix, "Has enviado dinero en MicroPay", 1)[0], "10,50 USD")

	// auth dies while money moves; its letters are written when it is back, each once.
	p.auth.end(syscall.SIGKILL)
	send(200)
	p.auth.start()
	p.letters("bob"+suffix, "You received money at MicroPay", 2)
	p.letters("ann"+suffix, "Has enviado dinero en MicroPay", 2)

	// Signed out is signed out, at both, although the token lives on.
	p.transaction.call(200, bob, "GET", "/transaction/wallets", nil)
	p.auth.call(204, bob, "POST", "/auth/logout", map[string]any{})
	p.auth.call(401, bob, "GET", "/auth/me", nil)
	require.Eventually(t, func() bool {
		return (&platform{t: t, addr: p.transaction.addr}).call(bob, uuid.NewString(), "GET", "/transaction/wallets", nil).Status == http.StatusUnauthorized
	}, 5*time.Second, 50*time.Millisecond)
	p.transaction.end(syscall.SIGKILL)
	p.transaction.start()
	p.transaction.call(401, bob, "GET", "/transaction/wallets", nil)
	p.transaction.call(200, ann, "GET", "/transaction/wallets", nil)

	report, err := audit.Run(t.Context(), p.db.Admin, audit.Options{})
	require.NoError(t, err)
	require.Zero(t, report.Violations(), fmt.Sprint(report.Checks))
}

// localPair is a pair that knows nothing of AWS.
func localPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, password: "a river of cold tea"}
	p.mail = func(to, subject string) (bodies []string) {
		for _, m := range p.auth.call(200, "", "GET", "/dev/mail?to="+to, nil)["data"].([]any) {
			if letter := m.(map[string]any); letter["subject"] == subject {
				bodies = append(bodies, letter["text"].(string))
			}
		}
		return bodies
	}
	issuer := "http://" + freeAddress(t)
	p.start([]string{"AUTH_ISSUER=" + issuer},
		[]string{"AUTH_ISSUER=" + issuer, "LOCAL_MODE=true", "MAIL_DIR=" + t.TempDir(), "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1"}, nil)
	return p
}

func TestTwoProcesses_WithoutAWS(t *testing.T) {
	t.Parallel()
	localPair(t).story()
}
