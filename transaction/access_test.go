package transaction_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/tokens"
)

func TestSomebodyElsesThings_AreNotFound(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, mallory := p.person(), p.person()
	id := alice.wallet("USD", 100)
	for _, suffix := range []string{"", "/balance", "/entries", "/statement"} {
		theirs, none := mallory.get("/wallets/"+id+suffix), mallory.get("/wallets/"+uuid.NewString()+suffix)
		require.Equal(t, 404, theirs.Status)
		delete(theirs.Body, "request_id")
		delete(none.Body, "request_id")
		require.Equal(t, none.Body, theirs.Body, "nobody learns that it exists")
		require.Equal(t, 404, mallory.get("/wallets/garbage"+suffix).Status)
	}
	require.Equal(t, 404, mallory.call(http.MethodPatch, "/wallets/"+id, `{"name":"mine"}`).Status)
	require.Equal(t, 404, mallory.call(http.MethodDelete, "/wallets/"+id, "").Status)
	require.Equal(t, 404, mallory.move("/topups", `{"wallet_id":%q,"amount":1,"currency":"USD","provider":"sandbox"}`, id).Status)
	require.Equal(t, 100, alice.balance(id))
}

func TestTokens_BadOnesAreRefusedEverywhere(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	id := alice.wallet("USD", 100)
	for name, bad := range p.issuer.Bad() {
		thief := person{p, alice.id, bad}
		for _, call := range [][2]string{
			{http.MethodGet, "/wallets"},
			{http.MethodGet, "/wallets/" + id},
			{http.MethodDelete, "/wallets/" + id},
			{http.MethodGet, "/history"},
			{http.MethodPost, "/transfers"},
			{http.MethodPost, "/topups"},
			{http.MethodPost, "/withdrawals"},
			{http.MethodGet, "/providers"},
			{http.MethodGet, "/wallets/" + id + "/statement"},
		} {
			a := thief.call(call[0], call[1], "")
			require.Equal(t, 401, a.Status, "%s: %v", name, call)
			require.Contains(t, a.Header.Get("WWW-Authenticate"), "Bearer")
		}
	}
	noUUID := person{p, "", p.issuer.Mint(tokens.Subject("root"))}
	for _, call := range [][2]string{
		{"GET", "/wallets"},
		{"POST", "/wallets"},
		{"GET", "/wallets/x"},
		{"PATCH", "/wallets/x"},
		{"DELETE", "/wallets/x"},
		{"GET", "/wallets/x/balance"},
		{"GET", "/wallets/x/entries"},
		{"GET", "/wallets/x/statement"},
		{"GET", "/history"},
		{"POST", "/topups"},
		{"GET", "/topups/x"},
		{"POST", "/transfers"},
		{"GET", "/transfers/x"},
		{"POST", "/transfers/x/reversal"},
		{"POST", "/transfers/x/capture"},
		{"POST", "/transfers/x/void"},
		{"POST", "/topups/x/confirm"},
		{"POST", "/topups/x/refunds"},
		{"GET", "/refunds/x"},
		{"POST", "/withdrawals"},
		{"GET", "/withdrawals/x"},
	} {
		require.Equal(t, 401, noUUID.call(call[0], call[1], "").Status, call)
	}
	require.Equal(t, 100, alice.balance(id))
}

func TestLogout_IsHeardOf_AlsoAfterARestart(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person(tokens.Session("s1"))
	require.Equal(t, 200, alice.get("/wallets").Status)
	session := "s1"
	p.auth.revoked.Store(&session)
	require.Eventually(t, func() bool { return alice.get("/wallets").Status == 401 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 200, person{p, alice.id, p.issuer.Mint(tokens.Subject(alice.id))}.get("/wallets").Status, "other sessions live on")

	kept := func() (n int) {
		require.NoError(t, p.db.Admin.GetContext(t.Context(), &n, `SELECT count(*) FROM transaction.revocation`))
		return n
	}
	require.Eventually(t, func() bool { return kept() == 1 }, 10*time.Second, 10*time.Millisecond)
	p.auth.down.Store(true)
	p.start()
	require.Equal(t, 401, alice.get("/wallets").Status, "a replica that starts while auth is down remembers")
}
