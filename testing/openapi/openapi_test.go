package openapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/openapi"
)

const document = `
openapi: 3.1.0
info: {title: Test, version: "1"}
servers: [{url: /}]
security: [{bearer: []}]
paths:
  /wallets:
    post:
      operationId: open
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              required: [currency]
              properties: {currency: {type: string, pattern: '^[A-Z]{3}$'}}
      responses:
        "201":
          description: made
          headers: {Location: {required: true, schema: {type: string}}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Wallet'}}}
        "400": {$ref: '#/components/responses/Problem'}
  /wallets/{id}:
    get:
      operationId: read
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200":
          description: one
          content: {application/json: {schema: {$ref: '#/components/schemas/Wallet'}}}
        "404": {$ref: '#/components/responses/Problem'}
    delete:
      operationId: close
      security: []
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "204": {description: closed}
  /statement:
    get:
      operationId: statement
      security: []
      parameters: [{name: limit, in: query, schema: {type: integer, maximum: 100}}]
      responses:
        "200": {description: text, content: {text/csv: {schema: {type: string}}}}
components:
  securitySchemes: {bearer: {type: http, scheme: bearer}}
  responses:
    Problem:
      description: no
      content: {application/problem+json: {schema: {type: object, required: [code], properties: {code: {type: string}}}}}
  schemas:
    Wallet:
      type: object
      required: [id, note]
      properties: {id: {type: string, format: uuid}, note: {type: [string, 'null']}}
`

// reporter notes what would have failed the test.
type reporter struct {
	mu   sync.Mutex
	said []string
}

func (r *reporter) Helper() {}
func (r *reporter) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *reporter) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.said, "\n")
}

type answer struct {
	status      int
	contentType string
	body        string
	header      http.Header
}

func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	if a.status != http.StatusOK {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
}

const wallet = `{"id":"0190c3a0-0000-7000-8000-000000000000","note":null}`

func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	r.Header.Set("X-Request-Id", "r")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func TestRecord_SaysWhatIsNotAsDescribed(t *testing.T) {
	t.Parallel()
	location := http.Header{"Location": {"/wallets/1"}, "X-Other": {"x"}}
	for name, tt := range map[string]struct {
		request *http.Request
		answer  answer
		want    string // empty: all is well
	}{
		"good":             {request("GET", "/wallets/1", ""), answer{200, "application/json", wallet, nil}, ""},
		"good with query":  {request("GET", "/statement?limit=5", ""), answer{200, "text/csv", "a,b\n", nil}, ""},
		"good post":        {request("POST", "/wallets", `{"currency":"USD"}`), answer{201, "application/json; charset=utf-8", wallet, location}, ""},
		"good, no body":    {request("DELETE", "/wallets/1", ""), answer{204, "", "", nil}, ""},
		"refused, rightly": {request("POST", "/wallets", `{"currency":7}`), answer{400, "application/problem+json", `{"code":"x"}`, nil}, ""},
		"allowed anywhere": {request("GET", "/wallets/1", ""), answer{503, "application/problem+json", `{"code":"x"}`, nil}, ""},
		"unknown path":     {request("GET", "/nothing", ""), answer{404, "application/problem+json", `{"code":"x"}`, nil}, ""},
		"unknown method":   {request("PATCH", "/wallets", ""), answer{405, "application/problem+json", `{"code":"x"}`, nil}, ""},

		"status not described":     {request("GET", "/wallets/1", ""), answer{409, "application/problem+json", `{"code":"x"}`, nil}, "409 is not described"},
		"anywhere, but no problem": {request("GET", "/wallets/1", ""), answer{503, "text/plain", `oh`, nil}, "application/problem+json"},
		"wrong content type":       {request("GET", "/wallets/1", ""), answer{200, "text/html", wallet, nil}, "text/html"},
		"member missing":           {request("GET", "/wallets/1", ""), answer{200, "application/json", `{"id":"0190c3a0-0000-7000-8000-000000000000"}`, nil}, "note"},
		"wrong format":             {request("GET", "/wallets/1", ""), answer{200, "application/json", `{"id":"1","note":null}`, nil}, "uuid"},
		"member not described":     {request("GET", "/wallets/1", ""), answer{200, "application/json", strings.Replace(wallet, "}", `,"secret":1}`, 1), nil}, "secret"},
		"header missing":           {request("POST", "/wallets", `{"currency":"USD"}`), answer{201, "application/json", wallet, nil}, "Location"},
		"body where there is none": {request("DELETE", "/wallets/1", ""), answer{200, "", "x", nil}, "200 is not described"},
		"accepts more than said":   {request("POST", "/wallets", `{"currency":7}`), answer{201, "application/json", wallet, location}, "accepted"},
		"accepts a bad query":      {request("GET", "/statement?limit=500", ""), answer{200, "text/csv", "", nil}, "accepted"},
		"answers undescribed path": {request("GET", "/nothing", ""), answer{200, "", "", nil}, "not described"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := openapi.Load(t, []byte(document), openapi.Anywhere(http.StatusServiceUnavailable))
			said := &reporter{}
			w := httptest.NewRecorder()
			doc.Record(said, tt.answer).ServeHTTP(w, tt.request)
			require.Equal(t, tt.answer.status, w.Code)
			require.Equal(t, tt.answer.body, w.Body.String(), "the client sees the same answer")
			if tt.want == "" {
				require.Empty(t, said.text())
				return
			}
			require.Contains(t, said.text(), tt.want)
		})
	}
}

func TestRecord_LetsInWithoutATokenOnlyWhereNoneIsDemanded(t *testing.T) {
	t.Parallel()
	doc := openapi.Load(t, []byte(document))
	said := &reporter{}
	r := request("GET", "/wallets/1", "")
	r.Header.Del("Authorization")
	doc.Record(said, answer{200, "application/json", wallet, nil}).ServeHTTP(httptest.NewRecorder(), r)
	require.Contains(t, said.text(), "accepted")
}

func TestRecord_KeepsTheConnectionsControl(t *testing.T) {
	t.Parallel()
	doc := openapi.Load(t, []byte(document))
	w := httptest.NewRecorder()
	doc.Record(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		require.NoError(t, http.NewResponseController(w).Flush())
		w.WriteHeader(http.StatusTeapot) // too late
	})).ServeHTTP(w, request("GET", "/statement", ""))
	require.True(t, w.Flushed)
}

func TestAssertRoutes_BothWays(t *testing.T) {
	t.Parallel()
	doc := openapi.Load(t, []byte(document))
	nothing := http.NotFoundHandler()
	router := mux.NewRouter()
	router.Handle("/wallets", nothing).Methods(http.MethodPost)
	router.Handle("/statement", nothing).Methods(http.MethodGet, http.MethodHead, http.MethodOptions)
	router.PathPrefix("/wallets").Subrouter().Handle("/{wallet:[0-9]+}", nothing).Methods(http.MethodGet, http.MethodDelete)
	said := &reporter{}
	doc.AssertRoutes(said, router)
	require.Empty(t, said.text())

	router.Handle("/more", nothing).Methods(http.MethodGet)
	router.Handle("/any", nothing)
	doc.AssertRoutes(said, router)
	require.Contains(t, said.text(), "GET /more is served and not described")
	require.Contains(t, said.text(), "ANY /any is served and not described")

	said = &reporter{}
	doc.AssertRoutes(said, mux.NewRouter())
	require.Contains(t, said.text(), "DELETE /wallets/{id} is described and not served")
	doc.AssertRoutes(said, mux.NewRouter(), "GET /nowhere")
	require.Contains(t, said.text(), "GET /nowhere")
}

func TestAssertRoutes_SomeAreServedElsewhere(t *testing.T) {
	t.Parallel()
	doc := openapi.Load(t, []byte(document))
	router := mux.NewRouter()
	router.Handle("/wallets/{id}", http.NotFoundHandler()).Methods(http.MethodGet, http.MethodDelete)
	doc.AssertRoutes(t, router, "POST /wallets", "GET /statement")
}

func TestAssertAnswersSeen_EveryDescribedAnswerWasGiven(t *testing.T) {
	t.Parallel()
	doc := openapi.Load(t, []byte(document))
	give := func(r *http.Request, a answer) { doc.Record(t, a).ServeHTTP(httptest.NewRecorder(), r) }
	give(request("GET", "/wallets/1", ""), answer{200, "application/json", wallet, nil})
	give(request("DELETE", "/wallets/1", ""), answer{204, "", "", nil})
	said := &reporter{}
	doc.AssertAnswersSeen(said)
	require.Len(t, said.said, 4)
	require.Contains(t, said.text(), "GET /wallets/{id} 404 is described and was never given")

	said = &reporter{}
	doc.AssertAnswersSeen(said, "GET /wallets/{id} 404", "POST /wallets 201", "POST /wallets 400", "GET /statement 200")
	require.Empty(t, said.text())
	doc.AssertAnswersSeen(said, "GET /wallets/{id} 200", "GET /wallets/{id} 404", "POST /wallets 201", "POST /wallets 400", "GET /statement 200")
	require.Contains(t, said.text(), "GET /wallets/{id} 200 is excepted, but was given")
}

func TestParse_RefusesWhatIsNotOpenAPI31(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"nothing": "", "no document": "a: [", "another version": strings.Replace(document, "3.1.0", "3.0.3", 1),
		"no responses": strings.Replace(document, `responses:
        "204": {description: closed}`, `summary: 7`, 1),
		"a dangling reference": strings.Replace(document, "schemas/Wallet", "schemas/Nobody", 1),
	} {
		_, err := openapi.Parse([]byte(raw))
		require.Error(t, err, name)
	}
}
