package attacks_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// generator makes requests from OpenAPI documents: right ones, nearly right ones, and nonsense.
type generator struct {
	*rand.Rand
	operations []operation
	schemas    object // those that documents refer to, by their whole reference
	ids        []string
	people     []person
}

type operation struct {
	method, path string
	parameters   []object
	body         object // its schema; nil: none
}

func newGenerator(t *testing.T, seed uint64, documents ...[]byte) *generator {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(seed, seed)), schemas: object{}} //nolint:gosec // what chance it is does not matter
	for i, raw := range documents {
		var doc object
		require.NoError(t, yaml.Unmarshal(raw, &doc))
		g.read(fmt.Sprint(i), doc)
	}
	return g
}

func (g *generator) read(name string, doc object) {
	components, _ := doc["components"].(object)
	for kind, all := range components {
		for key, one := range all.(object) {
			g.schemas[name+"#/components/"+kind+"/"+key] = g.tag(name, one)
		}
	}
	paths, _ := g.tag(name, doc["paths"]).(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path].(object)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			op, is := item[method].(object)
			if !is {
				continue
			}
			o := operation{method: strings.ToUpper(method), path: path}
			for _, list := range []any{item["parameters"], op["parameters"]} {
				given, _ := list.([]any)
				for _, p := range given {
					o.parameters = append(o.parameters, g.resolve(p.(object)))
				}
			}
			if body, is := op["requestBody"].(object); is {
				content, _ := g.resolve(body)["content"].(object)
				if in, is := content["application/json"].(object); is {
					o.body, _ = in["schema"].(object)
				}
			}
			g.operations = append(g.operations, o)
		}
	}
}

// tag makes references those of one document.
func (g *generator) tag(name string, v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, x := range v {
			if ref, is := x.(string); is && k == "$ref" {
				out[k] = name + ref
				continue
			}
			out[k] = g.tag(name, x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = g.tag(name, x)
		}
		return out
	default:
		return v
	}
}

func (g *generator) resolve(s object) object {
	for {
		ref, is := s["$ref"].(string)
		if !is {
			return s
		}
		s, _ = g.schemas[ref].(object)
	}
}

func pick[T any](g *generator, all []T) T { return all[g.IntN(len(all))] }

func (g *generator) once(in int) bool { return g.IntN(in) == 0 }

// hostile texts are data wherever they are let in.
var hostile = []string{
	"", " ", "\x00", "a\x00b", "\r\nX-Evil: 1", "\u202eevil", "💸💸", "Ω≈ç√∫", "\x1b[31mred", "<script>alert(1)</script>", "{{.Secret}}", "${jndi:ldap://x}",
	"' OR '1'='1", "'; DROP TABLE transaction.account; --", "1; SELECT pg_sleep(5)", "1' AND pg_sleep(5)--", "') UNION SELECT password FROM credential--",
	"$1", "%s%n", "../../etc/passwd", "\\", "\"", "null", "true", "NaN", "-1", "1e309", "9007199254740992", "00000000-0000-0000-0000-000000000000",
	"\xff\xfe", "İ", "ﬀ", strings.Repeat("a", 300), strings.Repeat("é", 5000),
}

// text is a string that a schema may allow.
func (g *generator) text(s object) string {
	switch {
	case s["format"] == "uuid":
		if g.once(8) {
			return uuid.NewString()
		}
		return pick(g, g.ids)
	case s["format"] == "date-time":
		return pick(g, []string{"2026-01-01T00:00:00Z", "2020-02-29T23:59:60Z", "1969-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+02:00"})
	case s["format"] == "email":
		return pick(g, g.people).email
	case s["pattern"] == "^[A-Z]{3}$":
		return pick(g, []string{"USD", "USD", "USD", "EUR", "JPY", "KWD", "XXX"})
	}
	if examples, is := s["examples"].([]any); is && !g.once(3) {
		return fmt.Sprint(pick(g, examples))
	}
	return pick(g, []string{"lunch", "Rent for May", "x", "sandbox", password, "000000", "en", pick(g, hostile)})
}

// value is one that a schema may allow.
func (g *generator) value(s object) any {
	s = g.resolve(s)
	if enum, is := s["enum"].([]any); is {
		return pick(g, enum)
	}
	if c, is := s["const"]; is {
		return c
	}
	kind := s["type"]
	if kinds, is := kind.([]any); is {
		kind = pick(g, kinds)
	}
	switch kind {
	case "integer", "number":
		return pick(g, []any{1, 2, 50, 100, 1050, 9007199254740991, 0})
	case "boolean":
		return g.once(2)
	case "null":
		return nil
	case "array":
		items, _ := s["items"].(object)
		list := []any{}
		for range g.IntN(4) {
			list = append(list, g.value(items))
		}
		return list
	case "object":
		return g.object(s)
	default:
		return g.text(s)
	}
}

func (g *generator) object(s object) object {
	out := object{}
	properties, _ := s["properties"].(object)
	required, _ := s["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, any(name)) || g.once(2) {
			out[name] = g.value(properties[name].(object))
		}
	}
	return out
}

// odd values are of every kind of JSON.
func (g *generator) odd() any {
	return pick(g, []any{
		nil, true, 0, -1, 0.5, json.RawMessage("1e400"), json.RawMessage("1E2"), json.RawMessage("-0"), json.RawMessage("9007199254740992"),
		json.RawMessage(`{"a":1,"a":2}`), json.RawMessage(strings.Repeat("[", 100) + strings.Repeat("]", 100)), "",
		[]any{},
		object{},
		[]any{1, "a"},
		object{"id": 1},
		pick(g, hostile),
	})
}

// spoil makes an object nearly right.
func (g *generator) spoil(o object) {
	names := slices.Sorted(maps.Keys(o))
	switch {
	case len(names) == 0 || g.once(4):
		o[pick(g, []string{"owner", "balance", "is_admin", "status", "id", "user_id", "fee", "__proto__", "Amount", pick(g, hostile)})] = g.odd()
	case g.once(2):
		delete(o, pick(g, names))
	default:
		o[pick(g, names)] = g.odd()
	}
}

func (g *generator) body(o operation) string {
	if o.body == nil {
		return pick(g, []string{"", "", "", "{}", "[]"})
	}
	in, is := g.value(o.body).(object)
	if is && g.once(3) {
		g.spoil(in)
	}
	raw, err := json.Marshal(in)
	if err != nil { // an odd number
		return `{"amount":`
	}
	switch g.IntN(60) {
	case 0:
		return string(raw[:g.IntN(len(raw))])
	case 1:
		return string(raw) + pick(g, []string{"{}", "x", "\x00"})
	case 2:
		other, _ := json.Marshal(g.odd())
		return string(other)
	}
	return string(raw)
}

// request is the next one; nil: what came out is none that a client can send.
func (g *generator) request(base string) *http.Request {
	o := pick(g, g.operations)
	path := o.path
	query := url.Values{}
	header := http.Header{}
	for _, p := range o.parameters {
		name, _ := p["name"].(string)
		schema, _ := p["schema"].(object)
		v := fmt.Sprint(g.value(schema))
		if g.once(6) {
			v = pick(g, hostile)
		}
		switch p["in"] {
		case "path":
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(v))
		case "query":
			if g.once(2) {
				query.Add(name, v)
			}
		case "header":
			if p["required"] == true || g.once(3) {
				header[http.CanonicalHeaderKey(name)] = []string{strings.Map(visible, v)}
			}
		}
	}
	if _, asked := header["Idempotency-Key"]; asked && !g.once(8) {
		header.Set("Idempotency-Key", pick(g, []string{uuid.NewString(), uuid.NewString(), uuid.NewString(), "again-" + fmt.Sprint(g.IntN(20))}))
	}
	if g.once(20) {
		query.Add(pick(g, []string{"sort", "limit", "cursor", "debug", ""}), pick(g, hostile))
	}
	if !g.once(12) {
		header.Set("Authorization", "Bearer "+pick(g, g.people).token)
	}
	body := g.body(o)
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	if g.once(40) {
		header.Set("Content-Type", pick(g, []string{"text/plain", "application/xml", "application/json; charset=utf-16", "multipart/form-data", ";"}))
	}
	r, err := http.NewRequest(o.method, base+path, strings.NewReader(body))
	if err != nil {
		return nil
	}
	r.URL.RawQuery = query.Encode()
	r.Header = header
	return r
}

// visible keeps what a client's library lets into a header.
func visible(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

var identifier = regexp.MustCompile(`"id":"([0-9a-f-]{36})"`)

// learn takes the ids of what is there from an answer.
func (g *generator) learn(answer []byte) {
	for _, m := range identifier.FindAllSubmatch(answer, 3) {
		g.ids = append(g.ids, string(m[1]))
	}
}
