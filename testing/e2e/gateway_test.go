package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// gateway is a running platform behind its gateway, which some test outside this process started:
// containers by `make up`, a cluster, or the real thing's sandbox.
type gateway struct {
	t   *testing.T
	url string
}

// throughGateway is the platform at MICROPAY_E2E_URL. Without one these tests say how to get one.
func throughGateway(t *testing.T) gateway {
	t.Helper()
	url := os.Getenv("MICROPAY_E2E_URL")
	if url == "" {
		t.Skip("needs a platform behind a gateway, named by MICROPAY_E2E_URL: make up e2e-compose")
	}
	return gateway{t, strings.TrimSuffix(url, "/")}
}

// reply is an answer with its headers.
type reply struct {
	answer
	Header http.Header
}

func (g gateway) send(method, path, token string, content any, header ...string) reply {
	g.t.Helper()
	var reader io.Reader
	switch c := content.(type) {
	case nil:
	case io.Reader:
		reader = c
	default:
		text, err := json.Marshal(c)
		require.NoError(g.t, err)
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, reader)
	require.NoError(g.t, err)
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(g.t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(g.t, err)
	out := reply{answer: answer{Status: response.StatusCode}, Header: response.Header}
	_ = json.Unmarshal(raw, &out.Body) // 204 has none
	return out
}

// want sends and requires a status.
func (g gateway) want(status int, method, path, token string, content any, header ...string) reply {
	g.t.Helper()
	got := g.send(method, path, token, content, header...)
	require.Equal(g.t, status, got.Status, "%s %s: %v", method, path, got.Body)
	return got
}

// A managed provider may ask more of a password than we do.
const passphrase = "Seven quiet lakes at dawn, 7!"

// someone registers, proves the address where the mail can be read, signs in and looks for the first wallet.
func (g gateway) someone(name string) (email, token, wallet string) {
	g.t.Helper()
	email = name + "." + uuid.NewString()[:8] + "@example.com"
	g.want(http.StatusCreated, "POST", "/auth/register", "", body{"email": email, "password": passphrase, "name": name})
	g.verify(email)
	token = fmt.Sprint(g.want(http.StatusOK, "POST", "/auth/login", "", body{"email": email, "password": passphrase}).Body["access_token"])
	list, _ := g.want(http.StatusOK, "GET", "/transaction/wallets", token, nil).Body["data"].([]any)
	require.Len(g.t, list, 1)
	return email, token, fmt.Sprint(list[0].(map[string]any)["id"])
}

var mailedCode = regexp.MustCompile(`\b[A-Z0-9]{4}(-[A-Z0-9]{4}){2}\b`)

// showsMail tells whether letters can be read.
func (g gateway) showsMail() bool {
	g.t.Helper()
	return g.send("GET", "/dev/mail?to=nobody@example.com", "", nil).Status == http.StatusOK
}

// verify proves an address by the mailed code, where the platform shows its mail.
func (g gateway) verify(email string) {
	g.t.Helper()
	if !g.showsMail() {
		return
	}
	var code string
	require.Eventually(g.t, func() bool {
		mails, _ := g.want(http.StatusOK, "GET", "/dev/mail?to="+email, "", nil).Body["data"].([]any)
		for _, mail := range mails {
			text, _ := json.Marshal(mail.(map[string]any)["text"])
			code = mailedCode.FindString(string(text))
		}
		return code != ""
	}, 15*time.Second, 100*time.Millisecond, "the mail with the code")
	g.want(http.StatusNoContent, "POST", "/auth/verify-email", "", body{"email": email, "code": code})
}

func (g gateway) balance(token, wallet string) any {
	g.t.Helper()
	b, _ := g.want(http.StatusOK, "GET", "/transaction/wallets/"+wallet, token, nil).Body["balance"].(map[string]any)
	return b["amount"]
}

func TestGateway_MoneyMovesFromPersonToPerson(t *testing.T) {
	t.Parallel()
	g := throughGateway(t)
	_, ann, annsWallet := g.someone("ann")
	bobsEmail, bob, bobsWallet := g.someone("bob")
	g.want(http.StatusCreated, "POST", "/transaction/topups", ann,
		body{"wallet_id": annsWallet, "amount": 10_000, "currency": "USD", "provider": "sandbox"}, "Idempotency-Key", uuid.NewString())
	order := body{"from_wallet_id": annsWallet, "to_email": bobsEmail, "amount": 2_550, "currency": "USD", "description": "dinner"}
	key := uuid.NewString()
	first := g.want(http.StatusCreated, "POST", "/transaction/transfers", ann, order, "Idempotency-Key", key)
	again := g.want(http.StatusCreated, "POST", "/transaction/transfers", ann, order, "Idempotency-Key", key)
	require.Equal(t, first.Body["id"], again.Body["id"])
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	require.EqualValues(t, 7_450, g.balance(ann, annsWallet))
	require.EqualValues(t, 2_550, g.balance(bob, bobsWallet))
	history, _ := g.want(http.StatusOK, "GET", "/transaction/history", ann, nil).Body["data"].([]any)
	require.Len(t, history, 2)
	g.want(http.StatusNotFound, "GET", "/transaction/wallets/"+bobsWallet, ann, nil)
	if g.showsMail() { // that money came is told by the one service and written by the other
		require.Eventually(t, func() bool {
			mails, _ := g.want(http.StatusOK, "GET", "/dev/mail?to="+bobsEmail, "", nil).Body["data"].([]any)
			return slices.ContainsFunc(mails, func(m any) bool { return m.(map[string]any)["subject"] == "You received money at MicroPay" })
		}, 15*time.Second, 100*time.Millisecond)
	}
}

// A router that asks nobody about tokens leaves it to the services, each of whose replicas asks auth
// for who logged out several times a second; five seconds is what is promised.
func TestGateway_Logout_IsKnownToAllWithinSeconds(t *testing.T) {
	t.Parallel()
	g := throughGateway(t)
	_, token, _ := g.someone("eve")
	g.want(http.StatusOK, "GET", "/transaction/wallets", token, nil)
	g.want(http.StatusNoContent, "POST", "/auth/logout", token, nil)
	refused := 0 // in a row, whoever answers
	require.Eventually(t, func() bool {
		if g.send("GET", "/transaction/wallets", token, nil).Status != http.StatusUnauthorized {
			refused = 0
			return false
		}
		refused++
		return refused == 20
	}, 5*time.Second, 20*time.Millisecond)
	for range 20 {
		g.want(http.StatusUnauthorized, "GET", "/transaction/wallets", token, nil)
		g.want(http.StatusUnauthorized, "GET", "/auth/me", token, nil)
	}
}

func TestGateway_Logout_IsKnownAtOnce(t *testing.T) {
	t.Parallel()
	g := throughGateway(t)
	_, token, _ := g.someone("cid")
	g.want(http.StatusNoContent, "POST", "/auth/logout", token, nil)
	refused := g.want(http.StatusUnauthorized, "GET", "/transaction/wallets", token, nil)
	require.Contains(t, refused.Header.Get("WWW-Authenticate"), "invalid_token")
	require.Equal(t, "application/problem+json", refused.Header.Get("Content-Type"))
}

func TestGateway_ShowsNothingOfTheInside(t *testing.T) {
	t.Parallel()
	g := throughGateway(t)
	_, token, _ := g.someone("dot")
	for _, path := range []string{
		"/metrics", "/internal/auth/users", "/internal/auth/revocations", "/internal/transaction/owners/" + uuid.NewString() + "/close",
		"/auth/../metrics", "/auth/..%2fmetrics", "/auth/%2e%2e/internal/auth/users", "//metrics", "/transaction/../internal/auth/users",
		"/auth/metrics", "/transaction/internal/auth/users", "/transaction/metrics", "/debug/pprof/", "/config/", "/",
	} {
		for _, method := range []string{"GET", "POST"} {
			got := g.send(method, path, token, nil, "Accept", "text/plain")
			require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest}, got.Status, "%s %s", method, path)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/.well-known/jwks.json", "/.well-known/openid-configuration"} {
		g.want(http.StatusOK, "GET", path, "", nil)
	}
}

func TestGateway_AsksForAToken_AndBelievesNothingElse(t *testing.T) {
	t.Parallel()
	g := throughGateway(t)
	for _, token := range []string{"", "nonsense", "a.b.c"} {
		got := g.want(http.StatusUnauthorized, "GET", "/transaction/wallets", token, nil, "X-User-Id", uuid.NewString())
		require.NotEmpty(t, got.Header.Get("WWW-Authenticate"))
	}
	got := g.send("POST", "/transaction/webhooks/stripe", "", body{"id": "evt_1"})
	require.NotEqual(t, http.StatusUnauthorized, got.Status, "a provider shows a signature, not a token")
	require.GreaterOrEqual(t, got.Status, 400)
	require.Less(t, got.Status, 500)
}

func TestGateway_BoundsWhatIsSent(t *testing.T) {
	t.Parallel()
	g := throughGateway(t)
	big := strings.Repeat("x", 100<<10)
	g.want(http.StatusRequestEntityTooLarge, "POST", "/auth/login", "", body{"email": big, "password": big})
	// Of unknown length: as many bytes as come.
	g.want(http.StatusRequestEntityTooLarge, "POST", "/auth/login", "", io.MultiReader(strings.NewReader(`{"email":"`), strings.NewReader(big)))
	got := g.send("GET", "/auth/me", "", nil, "X-Filler", strings.Repeat("y", 40<<10))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, got.Status)
}

func TestGateway_AnswersWithSecurityHeaders(t *testing.T) {
	t.Parallel()
	g := throughGateway(t)
	for _, path := range []string{"/livez", "/auth/me", "/nothing", "/transaction/wallets"} {
		h := g.send("GET", path, "", nil).Header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", h.Get("X-Frame-Options"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		require.NotEmpty(t, h.Get("Strict-Transport-Security"), path)
		require.Empty(t, h.Get("Server"), path)
	}
}
