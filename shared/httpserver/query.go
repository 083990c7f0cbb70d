package httpserver

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/micropay/micropay/shared/problem"
)

// Query is the parameters behind the question mark, each given at most once.
type Query struct{ values url.Values }

// ReadQuery takes the parameters of the given names and refuses all others, repeated ones and
// what is no UTF-8 text. Errors are problems: 400 invalid_parameter.
func ReadQuery(r *http.Request, names ...string) (Query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Query{}, invalidParameter("the query cannot be read")
	}
	for name, given := range values {
		switch {
		case !slices.Contains(names, name):
			return Query{}, invalidParameter("there is a parameter that this call does not take")
		case len(given) > 1:
			return Query{}, invalidParameter(name + " is given more than once")
		case !utf8.ValidString(given[0]) || given[0] == "":
			return Query{}, invalidParameter(name + " must not be empty")
		}
	}
	return Query{values}, nil
}

func invalidParameter(detail string) error {
	return problem.New(http.StatusBadRequest, "invalid_parameter", detail)
}

// Get returns a parameter, "" when it was not given.
func (q Query) Get(name string) string { return q.values.Get(name) }

// Time reads an RFC 3339 time; not given is the zero time. Errors: 400 invalid_parameter.
func (q Query) Time(name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, invalidParameter(name + " must be an RFC 3339 time, e.g. 2026-03-01T12:00:00Z")
	}
	return t.UTC(), nil
}

// Limit reads the parameter limit, 1 to most; not given is usual. Errors: 400 invalid_parameter.
func (q Query) Limit(usual, most int) (int, error) {
	text := q.Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, invalidParameter("limit must be between 1 and " + strconv.Itoa(most))
	}
	return n, nil
}

// ErrInvalidCursor is the answer to a cursor that none of our pages gave out.
var ErrInvalidCursor error = problem.New(http.StatusBadRequest, "invalid_cursor", "the cursor is not one that a page gave out")

// EncodeCursor makes an opaque text of a place in a list.
func EncodeCursor(place any) string {
	b, err := json.Marshal(place)
	if err != nil {
		panic(err) // a place is a struct of texts and numbers
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// maxCursor bounds the length of a cursor, in characters.
const maxCursor = 512

// DecodeCursor reads the text back into a place, strictly. Errors: ErrInvalidCursor.
func DecodeCursor(text string, place any) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(text) > maxCursor {
		return ErrInvalidCursor
	}
	if err := json.Unmarshal(b, place, json.RejectUnknownMembers(true)); err != nil {
		return ErrInvalidCursor
	}
	return nil
}
