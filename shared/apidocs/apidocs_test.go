package apidocs_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/apidocs"
)

const authDoc = `
openapi: 3.1.0
info: {title: Auth, version: "1"}
tags: [{name: sessions}]
security: [{bearer: []}]
paths:
  /auth/login:
    post: {operationId: login, security: [], responses: {"200": {description: ok}}}
  /auth/me:
    parameters: [{name: x, in: query, schema: {type: string}}]
    get: {operationId: me, responses: {"200": {description: ok}}}
components:
  schemas:
    Problem: {type: object}
    User: {type: object}
  securitySchemes:
    bearer: {type: http, scheme: bearer}
`

const transactionDoc = `
openapi: 3.1.0
info: {title: Transaction, version: "1"}
tags: [{name: sessions}, {name: wallets}]
paths:
  /transaction/wallets:
    get: {operationId: wallets, responses: {"200": {description: ok}}}
components:
  schemas:
    Problem: {type: object}
    Wallet: {type: object}
`

func info() apidocs.Info { return apidocs.Info{Title: "MicroPay", Version: "1.2.3"} }

func TestMerge_JoinsWhatTheServicesDescribe(t *testing.T) {
	t.Parallel()
	raw, err := apidocs.Merge(info(), []byte(authDoc), []byte(transactionDoc))
	require.NoError(t, err)
	require.JSONEq(t, `{
		"openapi": "3.1.0",
		"info": {"title": "MicroPay", "version": "1.2.3"},
		"tags": [{"name": "sessions"}, {"name": "wallets"}],
		"paths": {
			"/auth/login": {"post": {"operationId": "login", "security": [], "responses": {"200": {"description": "ok"}}}},
			"/auth/me": {
				"parameters": [{"name": "x", "in": "query", "schema": {"type": "string"}}],
				"get": {"operationId": "me", "security": [{"bearer": []}], "responses": {"200": {"description": "ok"}}}
			},
			"/transaction/wallets": {"get": {"operationId": "wallets", "responses": {"200": {"description": "ok"}}}}
		},
		"components": {
			"schemas": {"Problem": {"type": "object"}, "User": {"type": "object"}, "Wallet": {"type": "object"}},
			"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}
		}
	}`, string(raw))
}

func TestMerge_TellsApartWhatOnlySharesAName(t *testing.T) {
	t.Parallel()
	raw, err := apidocs.Merge(info(), []byte(`
openapi: 3.1.0
info: {title: MicroPay auth}
paths: {}
components:
  schemas: {Problem: {type: object}, Same: {type: string}}
  responses: {Bad: {description: x, content: {a/b: {schema: {$ref: '#/components/schemas/Problem'}}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
`), []byte(`
openapi: 3.1.0
info: {title: MicroPay transaction}
security: [{bearer: []}]
paths:
  /w:
    get:
      security: [{bearer: [a]}, {}]
      parameters: [{schema: {$ref: '#/components/schemas/Same'}}]
      responses: {"400": {$ref: '#/components/responses/Bad'}}
components:
  schemas: {Problem: {type: string}, Same: {type: string}}
  responses: {Bad: {description: x, content: {a/b: {schema: {$ref: '#/components/schemas/Problem'}}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer, bearerFormat: JWT}}
`))
	require.NoError(t, err)
	var doc struct {
		Paths      json.RawMessage
		Components struct {
			Schemas   map[string]any
			Responses map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(raw, &doc))
	require.JSONEq(t, `{"/w": {"get": {"security": [{"TransactionBearer": ["a"]}, {}],
		"parameters": [{"schema": {"$ref": "#/components/schemas/Same"}}],
		"responses": {"400": {"$ref": "#/components/responses/TransactionBad"}}}}}`, string(doc.Paths))
	require.Len(t, doc.Components.Schemas, 3)
	bad, err := json.Marshal(doc.Components.Responses)
	require.NoError(t, err)
	require.Contains(t, string(bad), `"TransactionBad":{"content":{"a/b":{"schema":{"$ref":"#/components/schemas/TransactionProblem"}}}`)
	require.Contains(t, string(bad), `"Bad":{"content":{"a/b":{"schema":{"$ref":"#/components/schemas/Problem"}}}`)
}

func TestMerge_RefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ docs, want string }{
		"no YAML":            {"a: [", "document 2"},
		"not an object":      {"- a", "document 2"},
		"another version":    {strings.Replace(transactionDoc, "3.1.0", "3.0.3", 1), "3.0.3"},
		"a path twice":       {strings.Replace(transactionDoc, "/transaction/wallets", "/auth/me", 1), "paths: /auth/me"},
		"one name, no title": {"openapi: 3.1.0\npaths: {}\ncomponents: {schemas: {Problem: {type: string}}}", "components.schemas: Problem"},
		"the new name taken": {"openapi: 3.1.0\ninfo: {title: B}\npaths: {}\ncomponents: {schemas: {Problem: {type: string}, BProblem: {}}}", "components.schemas: Problem"},
		"a list for a map":   {"openapi: 3.1.0\npaths: []", "paths"},
		"components no map":  {"openapi: 3.1.0\npaths: {}\ncomponents: 7", "components"},
		"a part no map":      {"openapi: 3.1.0\npaths: {}\ncomponents: {schemas: 7}", "components.schemas"},
		"a path item no map": {"openapi: 3.1.0\npaths: {/x: 7}", "/x"},
	} {
		_, err := apidocs.Merge(info(), []byte(authDoc), []byte(tt.docs))
		require.ErrorContains(t, err, tt.want, name)
	}
	_, err := apidocs.Merge(info())
	require.Error(t, err)
}

func TestHandler_ServesTheDocument(t *testing.T) {
	t.Parallel()
	h, err := apidocs.Handler(info(), []byte(authDoc), []byte(transactionDoc))
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	require.True(t, json.Valid(w.Body.Bytes()))

	_, err = apidocs.Handler(info(), []byte("- a"))
	require.Error(t, err)
}

func TestHandler_ServesThePageWithoutAnyOtherHost(t *testing.T) {
	t.Parallel()
	h, err := apidocs.Handler(info(), []byte(authDoc))
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/docs", nil))
	require.Equal(t, http.StatusOK, w.Code)
	csp := w.Header().Get("Content-Security-Policy")
	require.Contains(t, csp, "default-src 'none'")
	require.Contains(t, csp, "frame-ancestors 'none'")
	require.Regexp(t, `script-src 'self' 'sha256-[^']+'`, csp)
	require.NotRegexp(t, `script-src[^;]*unsafe`, csp)
	page := w.Body.String()
	require.Contains(t, page, "MicroPay")
	require.NotRegexp(t, `(src|href)="https?://`, page)
	assets := regexp.MustCompile(`(?:src|href)="(/docs/[^"]+)"`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, assets)
	for _, asset := range assets {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, asset[1], nil))
		require.Equal(t, http.StatusOK, w.Code, asset[1])
		require.NotEmpty(t, w.Body.Bytes())
	}
}

func TestHandler_KnowsNothingElse(t *testing.T) {
	t.Parallel()
	h, err := apidocs.Handler(info(), []byte(authDoc))
	require.NoError(t, err)
	for target, want := range map[string]int{
		"GET /": 404, "GET /docs/../../etc/passwd": 404, "POST /openapi.json": 405, "GET /docs/nonsense.js": 404,
	} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if want == 404 && w.Code >= 300 && w.Code < 400 {
			continue // sent to the cleaned path, which is not ours
		}
		require.Equal(t, want, w.Code, target)
	}
}
