package httpserver

import (
	stdjson "encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/micropay/micropay/shared/problem"
)

// maxDepth bounds how deep a JSON body may be nested.
const maxDepth = 32

// Decode reads the JSON body into dst, strictly: the names are dst's, in their case, each at
// most once, in valid UTF-8 without NUL, nested at most 32 deep, and nothing follows. null is no
// value, but to members that are raw.
//
// Errors are problems: 415 unsupported_media_type, 413 body_too_large (the limit is
// Middleware's), 408 request_timeout, 400 malformed_json.
func Decode(r *http.Request, dst any) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || len(r.Header.Values("Content-Encoding")) > 0 {
		return problem.New(http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be plain application/json")
	}
	body, err := ReadBody(r)
	if err != nil {
		return err
	}
	if reason := forbidden(body); reason != "" {
		return problem.New(http.StatusBadRequest, "malformed_json", reason)
	}
	if err := json.Unmarshal(body, dst, json.RejectUnknownMembers(true), json.WithUnmarshalers(noNull)); err != nil {
		return problem.New(http.StatusBadRequest, "malformed_json", explain(err))
	}
	return nil
}

// noNull refuses null, which the decoder takes for the zero value.
var noNull = json.UnmarshalFromFunc(func(d *jsontext.Decoder, v any) error {
	if _, raw := v.(*stdjson.RawMessage); d.PeekKind() == 'n' && !raw {
		return errNull
	}
	return errors.ErrUnsupported // as it is done without us
})

var errNull = errors.New("null is no value")

// ReadBody reads the body as it is. Errors are problems: 413 body_too_large (the limit is
// Middleware's), 408 request_timeout, 400 malformed_json.
func ReadBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, readProblem(err)
	}
	return body, nil
}

func readProblem(err error) error {
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return problem.New(http.StatusRequestEntityTooLarge, "body_too_large", "the body is larger than allowed")
	case errors.As(err, &network) && network.Timeout():
		return problem.New(http.StatusRequestTimeout, "request_timeout", "the body did not arrive in time")
	}
	return problem.New(http.StatusBadRequest, "malformed_json", "the body broke off")
}

// forbidden looks for what the decoder would let pass: deep nesting, and NUL, which is a
// character to JSON but to no PostgreSQL text.
func forbidden(body []byte) string {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			if strings.HasPrefix(string(body[i+1:min(i+6, len(body))]), "u0000") {
				return "the body holds the character NUL"
			}
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return "the body is nested too deep"
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return ""
}

// explain says where and why, without repeating what was sent.
func explain(err error) string {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return "there is no member of that name: " + clip(string(semantic.JSONPointer))
	case errors.Is(err, errNull) && errors.As(err, &semantic):
		return "a member is null: " + clip(string(semantic.JSONPointer))
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a member is given twice"
	case errors.As(err, &semantic):
		return "a member has the wrong type: " + clip(string(semantic.JSONPointer))
	case errors.As(err, &syntactic):
		return "the body is not one valid JSON value in UTF-8"
	}
	return "the body cannot be read as JSON"
}

func clip(pointer string) string {
	const most = 64
	if len(pointer) > most {
		return "(long name)"
	}
	return pointer
}
