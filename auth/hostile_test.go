package auth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/testing/tokens"
)

var (
	withBody = []string{
		"POST /auth/register", "POST /auth/login", "POST /auth/refresh", "POST /auth/logout", "PATCH /auth/me", "POST /auth/password",
		"POST /auth/password/forgot", "POST /auth/password/reset", "POST /auth/verify-email",
	}
	withToken = []string{
		"POST /auth/logout", "GET /auth/me", "PATCH /auth/me", "DELETE /auth/me", "POST /auth/password", "GET /auth/verify",
	}
)

func TestInput_WhatIsNoGoodJSONIsRefusedWithoutEffect(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, _ := s.person("ann@example.com")
	bodies := map[string]string{
		"truncated": `{"email":"a`, "array": `[]`, "scalar": `1`, "trailing": `{}{}`, "comment": `{/**/}`, "BOM": "\ufeff{}",
		"unknown member": `{"role":"admin"}`, "duplicate": `{"email":"a","email":"b","name":"x","name":"y"}`, "case variant": `{"Email":"a","Name":"b"}`,
		"bad UTF-8": "{\"email\":\"\xff\"}", "NUL": `{"email":"\u0000","name":"\u0000"}`, "deep": strings.Repeat("[", 100_000), "wrong type": `{"email":1,"name":1}`,
	}
	for _, route := range withBody {
		method, path, _ := strings.Cut(route, " ")
		for name, body := range bodies {
			a := s.send(s.request(method, path, access, body))
			require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}, a.Status, "%s %s: %s", route, name, a.Raw)
		}
		large := s.send(s.request(method, path, access, `{"name":"`+strings.Repeat("x", 1<<20)+`"}`))
		requireProblem(t, large, http.StatusRequestEntityTooLarge, "body_too_large")
		plain := s.request(method, path, access, `{}`)
		plain.Header.Set("Content-Type", "text/plain")
		require.Equal(t, http.StatusUnsupportedMediaType, s.send(plain).Status)
		unsized := s.request(method, path, access, `{"x"`)
		unsized.ContentLength = -1
		requireProblem(t, s.send(unsized), http.StatusBadRequest, "malformed_json")
	}
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/me", access, nil).Status)
	unsized := s.request("POST", "/auth/logout", access, "")
	unsized.ContentLength = -1
	unsized.Body = http.NoBody
	require.Equal(t, http.StatusNoContent, s.send(unsized).Status)
}

func TestTokens_OnlyGoodAccessTokensLetAnybodyIn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, refresh := s.person("ann@example.com")
	issuer := tokens.New(t)
	kid := headerOf(t, access)
	good := func(more ...tokens.Option) string {
		return issuer.Mint(append([]tokens.Option{
			tokens.Header("kid", kid), tokens.Claim("iss", "https://pay.example"), tokens.Claim("client_id", "micropay"),
		}, more...)...)
	}
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/verify", good(), nil).Status, "a key from outside can sign")
	bad := issuer.Bad()
	bad["refresh token"] = refresh
	bad["expired"] = good(tokens.ExpiresIn(-time.Minute))
	bad["from the future"] = good(tokens.IssuedIn(time.Hour))
	bad["id token"] = good(tokens.Claim("token_use", "id"))
	bad["of another client"] = good(tokens.Claim("client_id", "other"))
	bad["of another issuer"] = good(tokens.Claim("iss", "https://evil.example"))
	bad["HS256 with the public key"] = good(tokens.HMACWithPublicKey())
	bad["foreign key under our kid"] = good(tokens.ForeignKey())
	for _, route := range withToken {
		method, path, _ := strings.Cut(route, " ")
		for name, token := range bad {
			a := s.send(s.request(method, path, token, ""))
			require.Equal(t, http.StatusUnauthorized, a.Status, "%s: %s", route, name)
			require.Equal(t, "invalid_token", a.code())
			require.NotEmpty(t, a.Header.Get("WWW-Authenticate"))
		}
		requireProblem(t, s.call(method, path, "", nil), http.StatusUnauthorized, "unauthenticated")
	}
	require.Equal(t, http.StatusOK, s.call("GET", "/auth/me", access, nil).Status)
	nobody := good(tokens.Subject("018f0000-0000-7000-8000-000000000000"))
	for _, token := range []string{nobody, good(tokens.Subject("no uuid"))} {
		requireProblem(t, s.call("GET", "/auth/me", token, nil), http.StatusUnauthorized, "invalid_token")
		requireProblem(t, s.call("PATCH", "/auth/me", token, fields{"name": "x"}), http.StatusUnauthorized, "invalid_token")
		requireProblem(t, s.call("POST", "/auth/password", token, fields{"new_password": newPassword}), http.StatusUnauthorized, "invalid_token")
		require.Equal(t, http.StatusNoContent, s.call("POST", "/auth/logout", token, nil).Status)
		requireProblem(t, s.call("GET", "/auth/verify", token, nil), http.StatusUnauthorized, "invalid_token")
	}
}

func headerOf(t *testing.T, token string) any {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	require.NoError(t, err)
	return parsed.Header["kid"]
}

func TestRename_BadNameIsRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, _ := s.person("ann@example.com")
	requireProblem(t, s.call("PATCH", "/auth/me", access, fields{"name": "  "}), http.StatusUnprocessableEntity, "validation_failed")
	for _, name := range []string{"'; DROP TABLE auth.users; --", "<script>alert(1)</script>", "{{.Secret}} ${jndi:x}"} {
		a := s.call("PATCH", "/auth/me", access, fields{"name": name})
		require.Equal(t, name, a.text("user", "name"), "it is data")
	}
}

func TestFaults_WithoutTheDatabaseEverythingIs503AndNothingLeaks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	access, refresh := s.person("ann@example.com")
	health := httpserver.NewHealth()
	s.Health(health)
	_, err := s.db.Admin.Exec("ALTER ROLE micropay_auth IN DATABASE " + databaseName(t, s) + " SET default_transaction_read_only = on")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s.cfg.Database.URL = "postgres://micropay_auth:dsn-canary@127.0.0.1:1/gone?sslmode=disable"
	s.start()
	for route := range described.routes {
		if route == "GET /.well-known/openid-configuration" || route == "GET /dev/mail" {
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		var body any
		switch path {
		case "/auth/register":
			body = fields{"email": "bob@example.com", "password": password, "name": "Bob"}
		case "/auth/login":
			body = fields{"email": "ann@example.com", "password": password}
		case "/auth/refresh":
			body = fields{"refresh_token": refresh}
		case "/auth/password/forgot":
			body = fields{"email": "ann@example.com"}
		case "/auth/password/reset":
			body = fields{"email": "ann@example.com", "code": "0000-0000-0000", "new_password": newPassword}
		case "/auth/verify-email":
			body = fields{"email": "ann@example.com", "code": "0000-0000-0000"}
		}
		a := s.call(method, path, access, body)
		require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s: %s", route, a.Raw)
		require.NotContains(t, a.Raw, "127.0.0.1")
	}
	require.NotContains(t, s.logs.String(), "dsn-canary")
}

func databaseName(t *testing.T, s *system) (name string) {
	t.Helper()
	require.NoError(t, s.db.Admin.Get(&name, "SELECT quote_ident(current_database())"))
	return name
}

func TestLogs_HoldNoSecret(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.run()
	access, refresh := s.person("ann@example.com")
	s.call("POST", "/auth/login", "", fields{"email": "ann@example.com", "password": "wrong-canary-password"})
	s.send(s.request("POST", "/auth/login", "", `{"email":"ann@example.com","password":"broken-canary`))
	s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh})
	s.call("POST", "/auth/refresh", "", fields{"refresh_token": refresh})
	s.call("GET", "/auth/me", access, nil)
	code := s.mailedCode("ann@example.com", 1)
	s.call("POST", "/auth/verify-email", "", fields{"email": "ann@example.com", "code": code})
	logs := s.logs.String()
	require.Contains(t, logs, "/auth/login", "requests are logged")
	require.Contains(t, logs, "presented again")
	for _, secret := range []string{password, "canary", access, refresh, refresh[4:], code, "PRIVATE KEY", "ann@example.com"} {
		require.NotContains(t, logs, secret)
	}
	for line := range strings.Lines(logs) {
		require.True(t, strings.HasPrefix(line, `{"time"`) && strings.HasSuffix(line, "}\n"), line)
	}
}
