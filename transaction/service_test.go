package transaction_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/tokens"
	"github.com/micropay/micropay/transaction"
)

func TestTransfer_MovesMoneyAndAnswersWithTheBalance(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob := p.person(), p.person()
	from, to := alice.wallet("USD", 5000), bob.wallet("USD", 0)

	sent := alice.send(from, to, 1050, "USD")
	require.Equal(t, http.StatusCreated, sent.Status, sent.Text)
	require.Equal(t, "posted", sent.Body["status"])
	require.EqualValues(t, 3950, sent.Body["balance"].(map[string]any)["amount"])
	require.Equal(t, 3950, alice.balance(from))
	require.Equal(t, 1050, bob.balance(to))

	read := alice.get("/transfers/" + fmt.Sprint(sent.Body["id"]))
	require.Equal(t, sent.Body, read.Body, "what was answered is what is read")
	require.Equal(t, "/transaction/transfers/"+fmt.Sprint(sent.Body["id"]), sent.Header.Get("Location"))
	received := bob.get("/transfers/" + fmt.Sprint(sent.Body["id"]))
	require.EqualValues(t, 1050, received.Body["balance"].(map[string]any)["amount"], "bob sees his own balance")
}

func TestTransfer_Refusals_HaveTheirCodesAndMoveNothing(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob := p.person(), p.person()
	from, to, euros := alice.wallet("USD", 100), bob.wallet("USD", 0), bob.wallet("EUR", 0)
	for _, c := range []struct {
		body   string
		status int
		code   string
	}{
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":101,"currency":"USD"}`, from, to), 422, "insufficient_funds"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":1,"currency":"EUR"}`, from, to), 422, "currency_mismatch"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":1,"currency":"USD"}`, from, euros), 422, "currency_mismatch"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":1,"currency":"USD"}`, from, from), 422, "same_wallet"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":1,"currency":"USD"}`, from, uuid.NewString()), 422, "recipient_unknown"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_email":"nobody@example.com","amount":1,"currency":"USD"}`, from), 422, "recipient_unknown"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":1,"currency":"USD"}`, to, from), 404, "wallet_not_found"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":1,"currency":"USD"}`, uuid.NewString(), to), 404, "wallet_not_found"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"amount":1,"currency":"USD"}`, from), 422, "validation_failed"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"to_email":"a@b.c","amount":1,"currency":"USD"}`, from, to), 422, "validation_failed"},
		{fmt.Sprintf(`{"from_wallet_id":%q,"to_email":%q,"amount":1,"currency":"USD"}`, from, strings.Repeat("a", 255)), 422, "validation_failed"},
		{fmt.Sprintf(`{"from_wallet_id":"x","to_wallet_id":%q,"amount":1,"currency":"USD"}`, to), 422, "validation_failed"},
	} {
		a := alice.move("/transfers", "%s", c.body)
		require.Equal(t, c.status, a.Status, c.body)
		require.Equal(t, c.code, a.code(), c.body)
		require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	}
	require.Equal(t, 100, alice.balance(from))
	require.Equal(t, 0, bob.balance(to))
}

func TestMoney_BadAmounts_AreRefusedAndSaySo(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	from, to := alice.wallet("USD", 100), p.person().wallet("USD", 0)
	for _, amount := range []string{
		"0", "-1", "0.5", "1.0", "1e2", "1E2", "1e309", `"5"`, "null", "true", "[]", "{}", "9007199254740992",
		"9223372036854775808", "1000000000000000000000000000000",
	} {
		for _, path := range []string{
			`{"from_wallet_id":%[1]q,"to_wallet_id":%[2]q,"currency":"USD","amount":%[3]s}`,
			`{"wallet_id":%[1]q,"provider":"sandbox","currency":"USD","amount":%[3]s%.0[2]s}`,
		} {
			where := "/transfers"
			if strings.Contains(path, "provider") {
				where = "/topups"
				path = `{"wallet_id":%[1]q,"provider":"sandbox","currency":"USD","amount":%[3]s}`
			}
			a := alice.call(http.MethodPost, where, fmt.Sprintf(path, from, to, amount), "Idempotency-Key", uuid.NewString())
			require.Equal(t, 422, a.Status, "%s %s: %s", where, amount, a.Text)
			require.Equal(t, "validation_failed", a.code())
			require.Contains(t, a.Text, `"field":"amount"`)
		}
	}
	for _, amount := range []string{"NaN", "Infinity", "01", "1,00", "−5", "+1", "", " "} {
		a := alice.call(http.MethodPost, "/transfers", fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"currency":"USD","amount":%s}`, from, to, amount), "Idempotency-Key", "k")
		require.Equal(t, 400, a.Status, amount)
	}
	for _, currency := range []string{"usd", "XXX", "", "USDT", "ZZZ"} {
		a := alice.send(from, to, 1, currency)
		require.Equal(t, 422, a.Status)
		require.Contains(t, a.Text, "unknown_currency")
	}
	require.Equal(t, 100, alice.balance(from))
}

func TestIdempotency_FirstAnswerAgain(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob := p.person(), p.person()
	from, to := alice.wallet("USD", 100), bob.wallet("USD", 0)
	body := fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":70,"currency":"USD"}`, from, to)
	first := alice.call(http.MethodPost, "/transfers", body, "Idempotency-Key", "k1")
	require.Equal(t, 201, first.Status)
	require.Empty(t, first.Header.Get("Idempotency-Replayed"))

	again := alice.call(http.MethodPost, "/transfers", " "+body, "Idempotency-Key", `"k1"`)
	require.Equal(t, 201, again.Status)
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	require.Equal(t, first.Text, again.Text)

	other := alice.call(http.MethodPost, "/transfers", strings.Replace(body, "70", "71", 1), "Idempotency-Key", "k1")
	require.Equal(t, 422, other.Status)
	require.Equal(t, "idempotency_key_reused", other.code())
	elsewhere := alice.call(http.MethodPost, "/topups", fmt.Sprintf(`{"wallet_id":%q,"amount":1,"currency":"USD","provider":"sandbox"}`, from), "Idempotency-Key", "k1")
	require.Equal(t, "idempotency_key_reused", elsewhere.code())
	require.Equal(t, 400, alice.call(http.MethodPost, "/transfers", body).Status, "a key is required")
	require.Equal(t, 30, alice.balance(from))

	refused := fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":31,"currency":"USD"}`, from, to)
	require.Equal(t, 422, alice.call(http.MethodPost, "/transfers", refused, "Idempotency-Key", "k2").Status)
	alice.move("/topups", `{"wallet_id":%q,"amount":1,"currency":"USD","provider":"sandbox"}`, from)
	require.Equal(t, 201, alice.call(http.MethodPost, "/transfers", refused, "Idempotency-Key", "k2").Status, "a refusal keeps no key")
}

func TestIdempotency_OneKeyFromManyAtOnce_HasOneEffect(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob := p.person(), p.person()
	from, to := alice.wallet("USD", 1000), bob.wallet("USD", 0)
	body := fmt.Sprintf(`{"from_wallet_id":%q,"to_wallet_id":%q,"amount":10,"currency":"USD"}`, from, to)
	texts := make([]string, 40)
	var wg sync.WaitGroup
	for i := range texts {
		wg.Go(func() { texts[i] = alice.call(http.MethodPost, "/transfers", body, "Idempotency-Key", "storm").Text })
	}
	wg.Wait()
	for _, text := range texts {
		require.Equal(t, texts[0], text)
	}
	require.Equal(t, 990, alice.balance(from))
}

func TestTopUp_Sandbox_SettlesOrDeclinesLikeTestCards(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	id := alice.wallet("USD", 0)
	const body = `{"wallet_id":%q,"amount":%d,"currency":"USD","provider":%q}`
	good := alice.move("/topups", body, id, 5000, "sandbox")
	require.Equal(t, 201, good.Status)
	require.Equal(t, "succeeded", good.Body["status"])
	require.EqualValues(t, 5000, good.Body["balance"].(map[string]any)["amount"])
	require.Equal(t, good.Body, alice.get("/topups/"+fmt.Sprint(good.Body["id"])).Body)

	bad := alice.move("/topups", body, id, 400002, "sandbox")
	require.Equal(t, 201, bad.Status)
	require.Equal(t, "failed", bad.Body["status"])
	require.Equal(t, "card_declined", bad.Body["failure_code"])
	require.Equal(t, "provider_unknown", alice.move("/topups", body, id, 1, "piggybank").code())
	require.Equal(t, 404, p.person().get("/topups/"+fmt.Sprint(good.Body["id"])).Status)
	require.Equal(t, 404, alice.get("/topups/x").Status)

	later := alice.move("/topups", body, id, 403220, "sandbox")
	require.Equal(t, 202, later.Status)
	require.Equal(t, "processing", later.Body["status"])
	require.Eventually(t, func() bool {
		return alice.get("/topups/" + fmt.Sprint(later.Body["id"])).Body["status"] == "succeeded"
	}, 10*time.Second, 10*time.Millisecond, "it is settled although nobody asks again")
	require.Equal(t, 5000+403220, alice.balance(id))
}

func TestTransfer_ByEmail_FindsThePersonAtAuth(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob := p.person(), p.person()
	p.auth.people.Store(&map[string]string{"bob@example.com": bob.id})
	from := alice.wallet("USD", 100)
	const body = `{"from_wallet_id":%q,"to_email":"bob@example.com","amount":10,"currency":%q}`
	require.Equal(t, 201, alice.move("/transfers", body, from, "USD").Status)
	wallets := bob.get("/wallets").Body["data"].([]any)
	require.Len(t, wallets, 1, "his first wallet received it")
	require.Equal(t, "currency_mismatch", alice.move("/transfers", body, from, "CHF").code())

	p.auth.down.Store(true)
	down := alice.move("/transfers", body, from, "USD")
	require.Equal(t, 503, down.Status)
	require.Equal(t, "1", down.Header.Get("Retry-After"))
	to := fmt.Sprint(wallets[0].(map[string]any)["id"])
	require.Equal(t, 201, alice.send(from, to, 10, "USD").Status, "between wallet ids nobody needs auth")
}

func TestReversal_ByTheReceiver_WholeOrInParts(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob, operator := p.person(), p.person(), p.person(tokens.Scope("micropay/operator"))
	from, to := alice.wallet("USD", 100), bob.wallet("USD", 0)
	id := fmt.Sprint(alice.send(from, to, 100, "USD").Body["id"])
	path := "/transfers/" + id + "/reversal"
	require.Equal(t, "not_the_receiver", alice.move(path, `{}`).code())
	require.Equal(t, "transfer_not_found", p.person().move(path, `{}`).code())
	require.Equal(t, "transfer_not_found", bob.move("/transfers/x/reversal", `{}`).code())

	part := bob.call(http.MethodPost, path, `{"amount":30,"currency":"USD","description":"sorry"}`, "Idempotency-Key", "r1")
	require.Equal(t, 201, part.Status, part.Text)
	require.Equal(t, "reversal", part.Body["kind"])
	require.Equal(t, id, part.Body["reverses"])
	require.Equal(t, part.Text, bob.call(http.MethodPost, path, `{"amount":30,"currency":"USD","description":"sorry"}`, "Idempotency-Key", "r1").Text)
	require.Equal(t, "reversal_exceeds_transfer", bob.move(path, `{"amount":71,"currency":"USD"}`).code())
	require.Equal(t, "currency_mismatch", bob.move(path, `{"amount":1,"currency":"EUR"}`).code())
	require.Equal(t, "validation_failed", bob.move(path, `{"amount":0,"currency":"USD"}`).code())
	require.Equal(t, 201, operator.move(path, `{}`).Status, "an operator sends back the rest")
	require.Equal(t, "reversal_exceeds_transfer", bob.move(path, `{}`).code())
	require.Equal(t, "transfer_not_reversible", alice.move("/transfers/"+fmt.Sprint(part.Body["id"])+"/reversal", `{}`).code())
	require.Equal(t, 100, alice.balance(from))
	require.EqualValues(t, 100, alice.get("/transfers/" + id).Body["reversed_amount"])
}

func TestWallets_LiveFromFirstToClosed(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	first := alice.get("/wallets").Body["data"].([]any)
	require.Len(t, first, 1, "everybody has one")
	require.Equal(t, "USD", first[0].(map[string]any)["currency"])
	a := alice.call(http.MethodPost, "/wallets", `{"currency":"JPY","name":"東京 <b>\u202e"}`)
	require.Equal(t, 201, a.Status)
	require.Equal(t, "東京 <b>\u202e", a.Body["name"], "text is data")
	path := "/wallets/" + fmt.Sprint(a.Body["id"])
	require.Equal(t, a.Body, alice.get(path).Body)
	require.Equal(t, "Kyoto", alice.call(http.MethodPatch, path, `{"name":"Kyoto","status":"frozen"}`).Body["name"])
	require.Equal(t, "validation_failed", alice.call(http.MethodPatch, path, `{"status":"closed"}`).code())
	require.Equal(t, "validation_failed", alice.call(http.MethodPost, "/wallets", `{"currency":"JPY","name":""}`).code())
	require.Equal(t, "wallet_not_active", alice.move("/topups", `{"wallet_id":%q,"amount":1,"currency":"JPY","provider":"sandbox"}`, a.Body["id"]).code())
	require.Equal(t, "active", alice.call(http.MethodPatch, path, `{"status":"active"}`).Body["status"])
	alice.move("/topups", `{"wallet_id":%q,"amount":1,"currency":"JPY","provider":"sandbox"}`, a.Body["id"])
	require.Equal(t, "wallet_not_empty", alice.call(http.MethodDelete, path, "").code())

	empty := "/wallets/" + alice.wallet("USD", 0)
	require.Equal(t, "closed", alice.call(http.MethodDelete, empty, "").Body["status"])
	require.Equal(t, 200, alice.call(http.MethodDelete, empty, "").Status)
	require.Equal(t, "wallet_closed", alice.call(http.MethodPatch, empty, `{"name":"x"}`).code())
	require.Equal(t, 200, alice.get(empty+"/entries").Status, "its history stays readable")
}

func TestCloseOwner_OnlyWhenAllWalletsAreClosed(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	id := alice.wallet("USD", 0)
	closeOwner := func(user, shown string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/internal/transaction/owners/"+user+"/close", nil)
		r.Header.Set("Authorization", "Bearer "+shown)
		w := httptest.NewRecorder()
		p.Internal().ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, 401, closeOwner(alice.id, alice.token))
	require.Equal(t, 400, closeOwner("x", serviceToken))
	require.Equal(t, 409, closeOwner(alice.id, serviceToken))
	alice.call(http.MethodDelete, "/wallets/"+id, "")
	require.Equal(t, 204, closeOwner(alice.id, serviceToken))
	require.Equal(t, 204, closeOwner(alice.id, serviceToken))
	require.Equal(t, "owner_closed", alice.call(http.MethodPost, "/wallets", `{"currency":"USD"}`).code())
	never := p.person()
	require.Equal(t, 204, closeOwner(never.id, serviceToken))
	require.Equal(t, "owner_closed", never.get("/wallets").code(), "who left gets no first wallet")
}

func TestConfig_ReportsEveryMistakeBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	_, err := transaction.New(t.Context(), transaction.Config{AuthURL: "nonsense", InternalToken: "short", InternalTokenAlso: "short"}, transaction.Deps{})
	for _, name := range []string{
		"DATABASE_URL", "AUTH_ISSUER", "AUTH_URL", "INTERNAL_TOKEN:", "INTERNAL_TOKEN_ALSO", "DEFAULT_CURRENCY", "WALLET_LIMIT", "LEDGER_GROUP_SIZE", "IDEMPOTENCY_TTL",
	} {
		require.ErrorContains(t, err, name)
	}
	require.NotContains(t, err.Error(), "short")
}

func TestBodies_ThatCannotBeRead_AreRefused(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	id := alice.wallet("USD", 100)
	transfer := fmt.Sprint(alice.send(id, p.person().wallet("USD", 0), 1, "USD").Body["id"])
	for _, call := range [][2]string{
		{http.MethodPost, "/wallets"},
		{http.MethodPatch, "/wallets/" + id},
		{http.MethodPost, "/topups"},
		{http.MethodPost, "/topups/" + transfer + "/refunds"},
		{http.MethodPost, "/withdrawals"},
		{http.MethodPost, "/transfers"},
		{http.MethodPost, "/transfers/" + transfer + "/capture"},
		{http.MethodPost, "/transfers/" + transfer + "/reversal"},
	} {
		for _, body := range []string{
			"{", "[]", "{} {}", `{"owner":"me"}`, `{"balance":5}`, `{"Name":"x"}`, `{"currency":"USD","currency":"EUR"}`, "\xff",
			strings.Repeat("[", 50_000), `{"name":"\u0000"}`, `{"currency":5}`,
		} {
			a := alice.call(call[0], call[1], body, "Idempotency-Key", "k")
			require.Equal(t, http.StatusBadRequest, a.Status, "%v %.40s", call, body)
			require.Equal(t, "malformed_json", a.code())
		}
		require.Equal(t, http.StatusRequestEntityTooLarge, alice.call(call[0], call[1], `{"name":"`+strings.Repeat("x", 70_000)+`"}`, "Idempotency-Key", "k").Status)
		require.Equal(t, http.StatusUnsupportedMediaType, alice.call(call[0], call[1], "{}", "Idempotency-Key", "k", "Content-Type", "text/plain").Status)
	}
	require.Equal(t, 99, alice.balance(id))
}

func TestTopUp_SameKeyWhileTheFirstRuns_IsInProgress(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	body := fmt.Sprintf(`{"wallet_id":%q,"amount":400002,"currency":"USD","provider":"sandbox"}`, alice.wallet("USD", 0))
	require.Equal(t, 201, alice.call(http.MethodPost, "/topups", body, "Idempotency-Key", "k").Status)
	_, err := p.db.Admin.ExecContext(t.Context(), `ALTER TABLE transaction.payment DISABLE TRIGGER ALL;
		UPDATE transaction.payment SET status = 'created', updated_at = now() + interval '1 hour'`)
	require.NoError(t, err)
	running := alice.call(http.MethodPost, "/topups", body, "Idempotency-Key", "k")
	require.Equal(t, http.StatusConflict, running.Status)
	require.Equal(t, "idempotency_key_in_progress", running.code())
	require.Equal(t, "1", running.Header.Get("Retry-After"))
}

func TestOpenAPI_DescribesEveryRoute(t *testing.T) {
	t.Parallel()
	described().AssertRoutes(t, setup(t).Public().(*mux.Router))
}
