package auth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
)

func TestService_AFirstDay(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.run()
	a := s.register("Ann.Lee@Example.com")
	require.Equal(t, http.StatusCreated, a.Status, a.Raw)
	require.Equal(t, "ann.lee@example.com", a.text("user", "email"))
	require.Equal(t, "Ann Lee", a.text("user", "name"))
	require.Equal(t, "false", a.text("user", "email_verified"))
	id := a.text("user", "id")
	requireProblem(t, s.register("ann.lee@EXAMPLE.com"), http.StatusConflict, "email_taken")

	a = s.login("ANN.LEE@example.com", password)
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	require.Equal(t, "Bearer", a.text("token_type"))
	require.Equal(t, "900", a.text("expires_in"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	access, refresh := a.text("access_token"), a.text("refresh_token")

	a = s.call("POST", "/auth/verify-email", "", fields{"email": "ann.lee@example.com", "code": s.mailedCode("ann.lee@example.com", 1)})
	require.Equal(t, http.StatusNoContent, a.Status, a.Raw)
	a = s.call("PATCH", "/auth/me", access, fields{"name": "Annabel"})
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	a = s.call("GET", "/auth/me", access, nil)
	require.Equal(t, "Annabel", a.text("user", "name"))
	require.Equal(t, "true", a.text("user", "email_verified"))
	a = s.call("GET", "/auth/verify", access, nil)
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, id, a.Header.Get("X-User-Id"))

	a = s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh})
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	next := a.text("access_token")
	require.Equal(t, http.StatusNoContent, s.call("POST", "/auth/logout", next, nil).Status)
	for _, token := range []string{access, next} {
		requireProblem(t, s.call("GET", "/auth/me", token, nil), http.StatusUnauthorized, "invalid_token")
	}
	requireProblem(t, s.call("POST", "/auth/refresh", "", fields{"refresh_token": a.text("refresh_token")}), http.StatusUnauthorized, "invalid_refresh_token")
}

func TestRegister_NamesEachBadField(t *testing.T) {
	t.Parallel()
	s := setup(t)
	a := s.call("POST", "/auth/register", "", fields{"email": "ann", "password": "tiny-canary", "name": "A\nB"})
	requireProblem(t, a, http.StatusUnprocessableEntity, "validation_failed")
	require.ElementsMatch(t, []string{"email malformed", "password too_short", "name not_text"}, faults(a))
	require.NotContains(t, a.Raw, "canary", "a password is never repeated")
	a = s.call("POST", "/auth/register", "", fields{"email": "ann@example.com", "password": strings.Repeat("0123456789", 2), "name": "Ann"})
	require.Equal(t, []string{"password too_common"}, faults(a))
}

func faults(a answer) (out []string) {
	list, _ := a.Body["errors"].([]any)
	for _, f := range list {
		m, _ := f.(map[string]any)
		out = append(out, fmt.Sprint(m["field"], " ", m["code"]))
	}
	return out
}

func TestRegister_AHundredAtOnceInMixedCaseMakeOneAccount(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var (
		racers sync.WaitGroup
		mu     sync.Mutex
		counts = map[int]int{}
	)
	for i := range 100 {
		racers.Go(func() {
			email := []byte("ann.lee@example.com")
			for bit := range 7 {
				if i>>bit&1 == 1 && email[bit] >= 'a' {
					email[bit] -= 'a' - 'A'
				}
			}
			a := s.register(string(email))
			mu.Lock()
			defer mu.Unlock()
			counts[a.Status]++
		})
	}
	racers.Wait()
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 99}, counts)
	var rows int
	require.NoError(t, s.db.Admin.Get(&rows, "SELECT (SELECT count(*) FROM auth.users) + (SELECT count(*) FROM auth.identity)"))
	require.Equal(t, 2, rows)
}

func TestRegister_ALookAlikeIsAnotherPerson(t *testing.T) {
	t.Parallel()
	s := setup(t)
	require.Equal(t, http.StatusCreated, s.register("ann@apple.example").Status)
	other := s.register("ann@\u0430pple.example") // Cyrillic
	require.Equal(t, http.StatusCreated, other.Status)
	require.Equal(t, "ann@xn--pple-43d.example", other.text("user", "email"))
	require.Equal(t, http.StatusUnprocessableEntity, s.register("\u0430nn@apple.example").Status)
	requireProblem(t, s.register("ANN@ＡＰＰＬＥ.example"), http.StatusConflict, "email_taken")
}

func TestLogin_SaysTheSameForAnUnknownAddressAndAWrongPassword(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.register("ann@example.com")
	unknown, wrong := s.login("bob@example.com", password), s.login("ann@example.com", newPassword)
	requireProblem(t, wrong, http.StatusUnauthorized, "invalid_credentials")
	require.Equal(t, strip(wrong), strip(unknown))
	require.Equal(t, len(wrong.Header), len(unknown.Header))
	for range 9 {
		unknown, wrong = s.login("bob@example.com", "x"), s.login("ann@example.com", "x")
	}
	requireProblem(t, wrong, http.StatusTooManyRequests, "too_many_attempts")
	require.Equal(t, "1", wrong.Header.Get("Retry-After"))
	require.Equal(t, strip(wrong), strip(unknown))
	require.Equal(t, http.StatusTooManyRequests, s.login("ann@example.com", password).Status, "even the right password")
	requireProblem(t, s.call("POST", "/auth/login", "", fields{"email": "ann@example.com"}), http.StatusUnprocessableEntity, "validation_failed")
}

// strip leaves out what belongs to the request, not to the answer.
func strip(a answer) string {
	delete(a.Body, "request_id")
	raw, _ := json.Marshal(a.Body)
	return string(raw)
}

func TestLogin_MayDemandAProvenAddress(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *auth.Config) { c.RequireVerifiedEmail = true })
	s.register("ann@example.com")
	requireProblem(t, s.login("ann@example.com", password), http.StatusForbidden, "email_not_verified")
}

func TestSessions_RestartKeepsWhatWasEndedEnded(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, refresh := s.person("ann@example.com")
	other := s.login("ann@example.com", password)
	require.Equal(t, http.StatusNoContent, s.call("POST", "/auth/logout", access, fields{}).Status)
	for range 5 {
		s.login("bob@example.com", "x")
	}
	s.start()
	requireProblem(t, s.call("GET", "/auth/verify", access, nil), http.StatusUnauthorized, "invalid_token")
	requireProblem(t, s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh}), http.StatusUnauthorized, "invalid_refresh_token")
	require.Equal(t, http.StatusTooManyRequests, s.login("bob@example.com", "x").Status)
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/verify", other.text("access_token"), nil).Status, "the other session lives")
	require.Equal(t, http.StatusNoContent, s.call("POST", "/auth/logout", other.text("access_token"), fields{"everywhere": true}).Status)
	requireProblem(t, s.call("GET", "/auth/verify", other.text("access_token"), nil), http.StatusUnauthorized, "invalid_token")
}

func TestRefresh_AUsedTokenKillsItsSession(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, refresh := s.person("ann@example.com")
	next := s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh})
	require.Equal(t, http.StatusOK, next.Status)
	requireProblem(t, s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh}), http.StatusUnauthorized, "invalid_refresh_token")
	requireProblem(t, s.call("POST", "/auth/refresh", "", fields{"refresh_token": next.text("refresh_token")}), http.StatusUnauthorized, "invalid_refresh_token")
	for _, token := range []string{access, next.text("access_token")} {
		requireProblem(t, s.call("GET", "/auth/me", token, nil), http.StatusUnauthorized, "invalid_token")
	}
	requireProblem(t, s.call("POST", "/auth/refresh", "", fields{}), http.StatusUnprocessableEntity, "validation_failed")
}

func TestPassword_ChangeAndReset(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.run()
	access, _ := s.person("ann@example.com")
	other := s.login("ann@example.com", password).text("access_token")
	change := func(current, next string) answer {
		return s.call("POST", "/auth/password", access, fields{"current_password": current, "new_password": next})
	}
	requireProblem(t, change("wrong", newPassword), http.StatusUnauthorized, "invalid_credentials")
	requireProblem(t, change(password, "short"), http.StatusUnprocessableEntity, "validation_failed")
	require.Equal(t, http.StatusNoContent, change(password, newPassword).Status)
	requireProblem(t, s.call("GET", "/auth/me", other, nil), http.StatusUnauthorized, "invalid_token")
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/me", access, nil).Status)

	requireProblem(t, s.call("POST", "/auth/password/forgot", "", fields{}), http.StatusUnprocessableEntity, "validation_failed")
	for _, email := range []string{"ann@example.com", "nobody@example.com", "no address"} {
		a := s.call("POST", "/auth/password/forgot", "", fields{"email": email})
		require.Equal(t, http.StatusAccepted, a.Status)
		require.Empty(t, a.Raw)
	}
	code := s.mailedCode("ann@example.com", 2)
	reset := func(code, next string) answer {
		return s.call("POST", "/auth/password/reset", "", fields{"email": "Ann@Example.com", "code": code, "new_password": next})
	}
	requireProblem(t, reset("0000-0000-0000", password), http.StatusUnprocessableEntity, "invalid_code")
	requireProblem(t, reset(code, "short"), http.StatusUnprocessableEntity, "validation_failed")
	require.Equal(t, http.StatusNoContent, reset(code, "three oxen in the rain").Status)
	requireProblem(t, reset(code, password), http.StatusUnprocessableEntity, "invalid_code")
	requireProblem(t, s.call("GET", "/auth/me", access, nil), http.StatusUnauthorized, "invalid_token")
	again := s.login("ann@example.com", "three oxen in the rain")
	require.Equal(t, http.StatusOK, again.Status)
	require.Equal(t, "true", s.call("GET", "/auth/me", again.text("access_token"), nil).text("user", "email_verified"))
	access = again.text("access_token")
	for range 6 {
		change("wrong", newPassword)
	}
	requireProblem(t, change("wrong", newPassword), http.StatusTooManyRequests, "too_many_attempts")
	requireProblem(t, s.call("POST", "/auth/verify-email", "", fields{"email": "ann@example.com", "code": "x"}), http.StatusUnprocessableEntity, "invalid_code")
}

func TestDeleteMe_OnlyWithoutWalletsAndForGood(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, refresh := s.person("ann@example.com")
	s.wallets.status.Store(http.StatusConflict)
	requireProblem(t, s.call("DELETE", "/auth/me", access, nil), http.StatusConflict, "wallets_not_closed")
	s.wallets.status.Store(http.StatusBadGateway)
	requireProblem(t, s.call("DELETE", "/auth/me", access, nil), http.StatusServiceUnavailable, "unavailable")
	me := s.call("GET", "/auth/me", access, nil)
	require.Equal(t, http.StatusOK, me.Status)
	s.wallets.status.Store(http.StatusNoContent)
	require.Equal(t, http.StatusNoContent, s.call("DELETE", "/auth/me", access, nil).Status)
	require.Equal(t, "/internal/transaction/owners/"+me.text("user", "id")+"/close Bearer "+internalToken, s.wallets.asked[0])
	requireProblem(t, s.call("GET", "/auth/me", access, nil), http.StatusUnauthorized, "invalid_token")
	requireProblem(t, s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh}), http.StatusUnauthorized, "invalid_refresh_token")
	requireProblem(t, s.login("ann@example.com", password), http.StatusUnauthorized, "invalid_credentials")
	require.Equal(t, http.StatusNotFound, s.asService("/internal/auth/users", url.Values{"email": {"ann@example.com"}}).Status)
	require.Equal(t, http.StatusCreated, s.register("ann@example.com").Status, "the address is free")
}

func TestInternal_FindsUsersAndFeedsRevocations(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, _ := s.person("ann@example.com")
	a := s.asService("/internal/auth/users", url.Values{"email": {"ANN@example.com"}})
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, fmt.Sprintf(`{"id":%q,"name":"Ann Lee"}`, a.text("id")), strings.TrimSpace(a.Raw), "and no more than that")
	requireProblem(t, s.asService("/internal/auth/users", url.Values{"email": {"nobody@example.com"}}), http.StatusNotFound, "user_unknown")

	page := s.asService("/internal/auth/revocations", url.Values{"limit": {"500"}})
	require.JSONEq(t, `{"data":[],"next_cursor":"0"}`, page.Raw)
	require.Equal(t, http.StatusNoContent, s.call("POST", "/auth/logout", access, nil).Status)
	page = s.asService("/internal/auth/revocations", url.Values{"after": {"0"}})
	lines, _ := page.Body["data"].([]any)
	require.Len(t, lines, 1)
	line, _ := lines[0].(map[string]any)
	require.Equal(t, "session", line["kind"])
	for _, name := range []string{"revoked_at", "expires_at"} {
		_, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line[name]))
		require.NoError(t, err)
	}
	cursor := page.text("next_cursor")
	page = s.asService("/internal/auth/revocations", url.Values{"after": {cursor}})
	require.JSONEq(t, `{"data":[],"next_cursor":"`+cursor+`"}`, page.Raw)
	requireProblem(t, s.asService("/internal/auth/revocations", url.Values{"after": {"x"}}), http.StatusBadRequest, "invalid_cursor")
	requireProblem(t, s.asService("/internal/auth/revocations", url.Values{"limit": {"0"}}), http.StatusBadRequest, "invalid_parameter")
}

func TestInternal_AsksForTheServiceToken(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, _ := s.person("ann@example.com")
	for _, token := range []string{"", "wrong", access} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.internal+"/internal/auth/users?email=ann@example.com", http.NoBody)
		require.NoError(t, err)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		require.Equal(t, http.StatusUnauthorized, s.send(r).Status)
	}
	require.Equal(t, http.StatusNotFound, s.call("GET", "/internal/auth/users?email=ann@example.com", access, nil).Status, "not on the public port")
}

func TestWellKnown_LetsAnyAuthorizerVerifyTokens(t *testing.T) {
	t.Parallel()
	s := setup(t)
	a := s.call("GET", "/.well-known/openid-configuration", "", nil)
	require.Equal(t, "https://pay.example", a.text("issuer"))
	require.Equal(t, "https://pay.example/.well-known/jwks.json", a.text("jwks_uri"))
	a = s.call("GET", "/.well-known/jwks.json", "", nil)
	require.Equal(t, http.StatusOK, a.Status)
	require.Contains(t, a.Header.Get("Cache-Control"), "max-age")
	keys, _ := a.Body["keys"].([]any)
	require.Len(t, keys, 1)
	require.NoError(t, s.RotateSigningKey(t.Context()))
	s.clock.advance(2 * time.Second)
	keys, _ = s.call("GET", "/.well-known/jwks.json", "", nil).Body["keys"].([]any)
	require.Len(t, keys, 2)
}

func TestDevMail_IsForLocalModeOnly(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, query := range []string{"limit=0", "limit=", "limit=1&limit=2", "sort=date"} {
		requireProblem(t, s.call("GET", "/dev/mail?"+query, "", nil), http.StatusBadRequest, "invalid_parameter")
	}
	s = setup(t, func(c *auth.Config) { c.Local, c.Argon2Memory, c.Argon2Iterations = false, 19*1024, 2 })
	requireProblem(t, s.call("GET", "/dev/mail", "", nil), http.StatusNotFound, "not_found")
}

// A process that is killed between the two stores of a registration, or of a deletion, leaves
// something that the next login mends.
func TestLogin_MendsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.register("ann@example.com")
	_, err := s.db.Admin.Exec("DELETE FROM auth.users")
	require.NoError(t, err)
	requireProblem(t, s.register("ann@example.com"), http.StatusConflict, "email_taken")
	access := s.login("ann@example.com", password).text("access_token")
	require.Equal(t, "Ann Lee", s.call("GET", "/auth/me", access, nil).text("user", "name"))

	_, err = s.db.Admin.Exec("UPDATE auth.users SET email = NULL, name = '', deleted_at = now()")
	require.NoError(t, err)
	requireProblem(t, s.call("GET", "/auth/me", access, nil), http.StatusUnauthorized, "invalid_token")
	requireProblem(t, s.login("ann@example.com", password), http.StatusUnauthorized, "invalid_credentials")
	require.Equal(t, http.StatusCreated, s.register("ann@example.com").Status)
}
