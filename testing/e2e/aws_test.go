package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	authmigrations "github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/micropay/audit"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/moto"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/transaction/migrations"
)

// onAWS is both services as processes of their own, on moto in the place of AWS.
type onAWS struct {
	t                 *testing.T
	aws               *moto.Server
	db                *pgtest.DB
	auth, transaction *service
	sender            string
}

// service is one process, which can be killed and started again.
type service struct {
	t       *testing.T
	program string
	addr    string
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

// pool makes a user pool whose users' addresses are taken for proven.
func pool(t *testing.T, cfg aws.Config) (id, client, secret string) {
	t.Helper()
	cognito := cip.NewFromConfig(cfg)
	made, err := cognito.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{
		PoolName: aws.String("micropay"), UsernameAttributes: []types.UsernameAttributeType{types.UsernameAttributeTypeEmail},
	})
	require.NoError(t, err)
	app, err := cognito.CreateUserPoolClient(t.Context(), &cip.CreateUserPoolClientInput{
		UserPoolId: made.UserPool.Id, ClientName: aws.String("micropay"), GenerateSecret: true,
		ExplicitAuthFlows: []types.ExplicitAuthFlowsType{types.ExplicitAuthFlowsTypeAllowAdminUserPasswordAuth, types.ExplicitAuthFlowsTypeAllowRefreshTokenAuth},
	})
	require.NoError(t, err)
	return *made.UserPool.Id, *app.UserPoolClient.ClientId, *app.UserPoolClient.ClientSecret
}

func newOnAWS(t *testing.T) *onAWS {
	t.Helper()
	w := &onAWS{
		t: t, aws: moto.New(t), sender: uuid.NewString() + "@pay.example",
		db: pgtest.New(t, pgtest.Schema{Name: "auth", FS: authmigrations.FS}, pgtest.Schema{Name: "transaction", FS: migrations.FS}),
	}
	cfg := w.aws.AWSConfig()
	poolID, client, secret := pool(t, cfg)
	names := queues.Provision(t, cfg, false, "auth", "transaction")
	_, err := sesv2.NewFromConfig(cfg).CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(w.sender)})
	require.NoError(t, err)
	authInside, transactionInside := freeAddress(t), freeAddress(t)
	issuer := "https://cognito-idp." + moto.Region + ".amazonaws.com/" + poolID
	shared := []string{
		"AWS_ENDPOINT_URL=" + w.aws.URL, "AWS_REGION=" + moto.Region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"SNS_TOPIC_ARN=" + names.Topic, "INTERNAL_TOKEN=between-the-services", "EVENTS_FIRST_RETRY=100ms", "EVENTS_WAIT=1s", "EVENTS_VISIBILITY=3s", "DRAIN_DELAY=100ms",
		"AUTH_ISSUER=" + issuer, "AUTH_JWKS_URL=" + w.aws.URL + "/" + poolID + "/.well-known/jwks.json", "GOCOVERDIR=" + os.Getenv("MICROPAY_COVERDIR"),
	}
	w.auth = &service{t: t, program: build(t, "auth"), addr: freeAddress(t)}
	w.auth.env = append(shared[:len(shared):len(shared)], "DATABASE_URL="+w.db.Roles["auth"].App, "AUTH_ADDR="+w.auth.addr, "AUTH_INTERNAL_ADDR="+authInside,
		"AUTH_QUEUE_URL="+names.Queues["auth"], "COGNITO_USER_POOL_ID="+poolID, "COGNITO_CLIENT_ID="+client, "COGNITO_CLIENT_SECRET="+secret,
		"COGNITO_AUTO_CONFIRM=true", "SES_FROM="+w.sender, "TRANSACTION_URL=http://"+transactionInside, "MAIL_POLL=100ms")
	w.transaction = &service{t: t, program: build(t, "transaction"), addr: freeAddress(t)}
	w.transaction.env = append(shared[:len(shared):len(shared)], "DATABASE_URL="+w.db.Roles["transaction"].App, "TRANSACTION_ADDR="+w.transaction.addr,
		"TRANSACTION_INTERNAL_ADDR="+transactionInside, "TRANSACTION_QUEUE_URL="+names.Queues["transaction"], "AUTH_CLIENT_ID="+client,
		"AUTH_URL=http://"+authInside, "PAYMENT_SANDBOX=true")
	for _, s := range []*service{w.auth, w.transaction} {
		s.start()
		t.Cleanup(func() { s.end(syscall.SIGKILL) })
	}
	return w
}

// build builds a service as it is deployed.
func build(t *testing.T, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	args := []string{"build", "-o", out}
	if os.Getenv("MICROPAY_COVERDIR") != "" {
		args = append(args, "-cover", "-covermode=atomic", "-coverpkg=github.com/micropay/micropay/...")
	}
	text, err := exec.Command("go", append(args, "github.com/micropay/micropay/"+name+"/cmd/"+name)...).CombinedOutput()
	require.NoError(t, err, string(text))
	return out
}

const awsPassword = "A river of c0ld tea!" // the pool's own rules

func (w *onAWS) person(email, name, locale string) (token, wallet string) {
	w.t.Helper()
	w.auth.call(201, "", "POST", "/auth/register", map[string]any{"email": email, "password": awsPassword, "name": name, "locale": locale})
	require.Eventually(w.t, func() bool { // nobody asked for it: the event brings it
		return w.db.Admin.GetContext(w.t.Context(), &wallet, `SELECT a.id FROM transaction.account a JOIN auth.users u ON u.id = a.owner_id WHERE u.email = $1`, email) == nil
	}, 30*time.Second, 50*time.Millisecond, "the wallet of %s", email)
	token, _ = w.auth.call(200, "", "POST", "/auth/login", map[string]any{"email": email, "password": awsPassword})["access_token"].(string)
	return token, wallet
}

// mail waits until moto has accepted so many letters of a subject to somebody.
func (w *onAWS) mail(to, subject string, n int) []string {
	w.t.Helper()
	var bodies []string
	require.Eventually(w.t, func() bool {
		resp, err := http.Get(w.aws.URL + "/moto-api/data.json")
		require.NoError(w.t, err)
		defer func() { _ = resp.Body.Close() }()
		var data struct {
			SES map[string][]struct {
				Source, Subject, Body string
				Destinations          map[string][]string
			}
		}
		require.NoError(w.t, json.NewDecoder(resp.Body).Decode(&data))
		bodies = nil
		for _, m := range data.SES["Message"] {
			if strings.Contains(m.Source, w.sender) && m.Subject == subject && len(m.Destinations["ToAddresses"]) == 1 && m.Destinations["ToAddresses"][0] == to {
				bodies = append(bodies, m.Body)
			}
		}
		return len(bodies) >= n
	}, 30*time.Second, 100*time.Millisecond, "%q to %s", subject, to)
	require.Len(w.t, bodies, n)
	return bodies
}

func TestTwoProcesses_OnMoto(t *testing.T) {
	t.Parallel()
	w := newOnAWS(t)
	suffix := "-" + uuid.NewString()[:8] + "@example.com"
	ann, from := w.person("ann"+suffix, "Ann", "es")
	bob, to := w.person("bob"+suffix, "Bob", "en")
	w.mail("bob"+suffix, "Welcome to MicroPay", 1)

	w.transaction.call(201, ann, "POST", "/transaction/topups", map[string]any{"wallet_id": from, "amount": 5000, "currency": "USD", "provider": "sandbox"})
	send := func(amount int) {
		w.transaction.call(201, ann, "POST", "/transaction/transfers",
			map[string]any{"from_wallet_id": from, "to_wallet_id": to, "amount": amount, "currency": "USD", "description": "lunch <b>"})
	}
	send(1050)
	require.Contains(t, w.mail("bob"+suffix, "You received money at MicroPay", 1)[0], "10.50 USD")
	require.Contains(t, w.mail("ann"+suffix, "Has enviado dinero en MicroPay", 1)[0], "10,50 USD")

	// auth dies while money moves; its letters are written when it is back, each once.
	w.auth.end(syscall.SIGKILL)
	send(200)
	w.auth.start()
	w.mail("bob"+suffix, "You received money at MicroPay", 2)
	w.mail("ann"+suffix, "Has enviado dinero en MicroPay", 2)

	// Signed out is signed out, at both, although the token lives on.
	w.transaction.call(200, bob, "GET", "/transaction/wallets", nil)
	w.auth.call(204, bob, "POST", "/auth/logout", map[string]any{})
	w.auth.call(401, bob, "GET", "/auth/me", nil)
	require.Eventually(t, func() bool {
		return (&platform{t: t, addr: w.transaction.addr}).call(bob, uuid.NewString(), "GET", "/transaction/wallets", nil).Status == http.StatusUnauthorized
	}, 5*time.Second, 50*time.Millisecond)
	w.transaction.end(syscall.SIGKILL)
	w.transaction.start()
	w.transaction.call(401, bob, "GET", "/transaction/wallets", nil)
	w.transaction.call(200, ann, "GET", "/transaction/wallets", nil)

	report, err := audit.Run(t.Context(), w.db.Admin, audit.Options{})
	require.NoError(t, err)
	require.Zero(t, report.Violations(), fmt.Sprint(report.Checks))
}
