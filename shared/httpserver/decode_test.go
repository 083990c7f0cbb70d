package httpserver_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/httpserver"
)

type order struct {
	Name   string          `json:"name"`
	Amount json.RawMessage `json:"amount"`
}

func decode(body string) (order, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	var o order
	return o, httpserver.Decode(r, &o)
}

func TestDecode_TakesOneStrictObject(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(` {"name":"a\\u0000", "amount": 10} `))
	r.Header.Set("Content-Type", "application/json")
	var o order
	require.NoError(t, httpserver.Decode(r, &o))
	require.Equal(t, order{`a\u0000`, json.RawMessage("10")}, o, "an escaped backslash is no NUL")
}

func TestDecode_RefusesWhatCouldBeReadTwoWays(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "truncated": `{"name":"a"`, "scalar": `1`, "array": `[]`, "trailing": `{} {}`, "comment": `{/**/}`,
		"unknown": `{"other":1}`, "case variant": `{"Name":"a"}`, "twice": `{"name":"a","name":"b"}`,
		"escaped twice": `{"name":"a","n\u0061me":"b"}`, "wrong type": `{"name":5}`, "bad UTF-8": "{\"name\":\"\xff\"}",
		"lone surrogate": `{"name":"\ud800"}`, "BOM": "\ufeff{}", "UTF-16": "{\x00}\x00", "raw NUL": "{\"name\":\"\x00\"}",
		"escaped NUL": `{"name":"a\u0000"}`, "deep": `{"amount":` + strings.Repeat("[", 100_000), "single quotes": `{'name':'a'}`,
		"deep and whole": `{"amount":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"long unknown":   `{"` + strings.Repeat("x", 1000) + `":1}`,
	} {
		_, err := decode(body)
		requireProblem(t, err, http.StatusBadRequest, "malformed_json")
		require.Less(t, len(err.Error()), 200, name)
	}
}

// Whether null means "take it away" or "leave it" nobody can tell. Raw members judge their own.
func TestDecode_NullIsNoValue(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"null", `{"name":null}`, `{"list":[null]}`, `{"maybe":null}`, `{"inner":{"name":null}}`} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var o struct {
			Name  string   `json:"name"`
			List  []string `json:"list"`
			Maybe *int     `json:"maybe"`
			Inner order    `json:"inner"`
		}
		requireProblem(t, httpserver.Decode(r, &o), http.StatusBadRequest, "malformed_json")
	}
	o, err := decode(`{"amount":null}`)
	require.NoError(t, err)
	require.Equal(t, "null", string(o.Amount))
}

func TestDecode_WantsPlainJSON(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", ";"} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{}`))
		r.Header.Set("Content-Type", contentType)
		requireProblem(t, httpserver.Decode(r, &order{}), http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	requireProblem(t, httpserver.Decode(r, &order{}), http.StatusUnsupportedMediaType, "unsupported_media_type")
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestDecode_SaysWhyABodyDidNotArrive(t *testing.T) {
	t.Parallel()
	read := func(body io.Reader) error {
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.Header.Set("Content-Type", "application/json")
		return httpserver.Decode(r, &order{})
	}
	requireProblem(t, read(failing{os.ErrDeadlineExceeded}), http.StatusRequestTimeout, "request_timeout")
	requireProblem(t, read(failing{errors.New("reset")}), http.StatusBadRequest, "malformed_json")
	requireProblem(t, read(failing{&http.MaxBytesError{}}), http.StatusRequestEntityTooLarge, "body_too_large")
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"a","amount":1}`, `{"name":"a\u0000"}`, `[[[`, `{"name":"a","name":"b"}`, "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o, err := decode(body)
		if err == nil {
			require.NotContains(t, o.Name, "\x00")
			require.True(t, json.Valid([]byte(body)), "stricter than encoding/json, never laxer")
		}
	})
}
