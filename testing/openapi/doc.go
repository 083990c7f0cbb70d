// Package openapi holds a service to its OpenAPI 3.1 document, in the service's own tests.
//
// Put Record around the handler under test: each answer's status must be described, and its
// content type, headers and body must be as described, down to the last member; and what is
// accepted must be acceptable by the document. AssertRoutes and AssertAnswersSeen then say what
// the document promises and nobody serves, and the other way round.
package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// T is the part of testing.TB that is needed.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Doc is a document and what has been seen of it. It is safe for concurrent use.
type Doc struct {
	operations []*operation
	anywhere   []int

	mu        sync.Mutex // guards all below; the validators fill caches as they go
	requests  validator.Validator
	responses validator.Validator
	seen      map[string]bool // "GET /wallets/{id} 404"
}

// operation is one described method of one described path.
type operation struct {
	method, path string
	segments     []string
	responses    map[int]*v3.Response
}

func (o *operation) String() string { return o.method + " " + o.path }

// Option changes what Load holds a service to.
type Option func(*Doc)

// Anywhere allows the statuses for every operation without describing each; the body must be
// problem details.
func Anywhere(statuses ...int) Option {
	return func(d *Doc) { d.anywhere = append(d.anywhere, statuses...) }
}

// Load reads a document, YAML or JSON, that must be valid OpenAPI 3.1.
func Load(t testing.TB, raw []byte, opts ...Option) *Doc {
	t.Helper()
	d, err := Parse(raw, opts...)
	if err != nil {
		t.Fatalf("openapi: %v", err)
	}
	return d
}

// Parse is Load with an error.
func Parse(raw []byte, opts ...Option) (*Doc, error) {
	document, err := libopenapi.NewDocument(raw)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(document.GetVersion(), "3.1.") {
		return nil, fmt.Errorf("version %s is not 3.1", document.GetVersion())
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	d := &Doc{seen: map[string]bool{}}
	for _, opt := range opts {
		opt(d)
	}
	requests, errs := validator.NewValidator(document, config.WithFormatAssertions())
	responses, more := validator.NewValidator(document, config.WithFormatAssertions(),
		config.WithStrictMode(), config.WithStrictIgnorePaths("$.headers.**"))
	if err := errors.Join(append(errs, more...)...); err != nil {
		return nil, err
	}
	if ok, faults := requests.ValidateDocument(); !ok {
		return nil, errors.New(explain(faults))
	}
	d.requests, d.responses = requests, responses
	d.operations, err = operationsOf(&model.Model)
	return d, err
}

func operationsOf(model *v3.Document) ([]*operation, error) {
	var all []*operation
	for path, item := range model.Paths.PathItems.FromOldest() {
		for method, described := range item.GetOperations().FromOldest() {
			o := &operation{
				method: strings.ToUpper(method), path: path,
				segments: strings.Split(path, "/"), responses: map[int]*v3.Response{},
			}
			for code, response := range described.Responses.Codes.FromOldest() {
				status, err := strconv.Atoi(code)
				if err != nil {
					return nil, fmt.Errorf("%s: status %s: describe each by its number", o, code)
				}
				o.responses[status] = response
			}
			all = append(all, o)
		}
	}
	return all, nil
}

// find is the operation that r asks for. A path without parameters wins over one with.
func (d *Doc) find(r *http.Request) *operation {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	var found *operation
	for _, o := range d.operations {
		if o.method == r.Method && o.matches(segments) && (found == nil || !strings.Contains(o.path, "{")) {
			found = o
		}
	}
	return found
}

func (o *operation) matches(segments []string) bool {
	return slices.EqualFunc(o.segments, segments, func(described, asked string) bool {
		return described == asked || strings.HasPrefix(described, "{") && asked != ""
	})
}
