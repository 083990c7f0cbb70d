package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/gorilla/mux"
)

var parameter = regexp.MustCompile(`\{[^/]*\}`)

// shape is an operation without its parameters' names, which router and document may choose apart.
func shape(method, path string) string { return method + " " + parameter.ReplaceAllString(path, "{}") }

// AssertRoutes reports each route of router that is not described, and each described operation
// that router does not serve. elsewhere lists operations, such as "GET /docs", that another
// handler serves.
func (d *Doc) AssertRoutes(t T, router *mux.Router, elsewhere ...string) {
	t.Helper()
	described, served := map[string]bool{}, map[string]bool{}
	for _, o := range d.operations {
		described[shape(o.method, o.path)] = true
	}
	for _, route := range routesOf(t, router) {
		s := shape(route.method, route.path)
		served[s] = true
		optional := route.method == http.MethodHead || route.method == http.MethodOptions
		if !described[s] && !optional {
			t.Errorf("openapi: %s %s is served and not described", route.method, route.path)
		}
	}
	for _, o := range d.operations {
		if s := shape(o.method, o.path); !served[s] && !slices.Contains(elsewhere, o.String()) {
			t.Errorf("openapi: %s is described and not served", o)
		}
	}
	for _, name := range elsewhere {
		if !slices.ContainsFunc(d.operations, func(o *operation) bool { return o.String() == name }) {
			t.Errorf("openapi: %s is said to be served elsewhere and not described", name)
		}
	}
}

type servedRoute struct{ method, path string }

func routesOf(t T, router *mux.Router) []servedRoute {
	var routes []servedRoute
	err := router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if route.GetHandler() == nil || err != nil {
			return nil // a subrouter, or nothing that answers
		}
		methods, err := route.GetMethods()
		if errors.Is(err, mux.ErrMethodMismatch) || len(methods) == 0 {
			methods = []string{"ANY"}
		}
		for _, method := range methods {
			routes = append(routes, servedRoute{method, path})
		}
		return nil
	})
	if err != nil {
		t.Errorf("openapi: %v", err)
	}
	return routes
}

// AssertAnswersSeen reports each described answer that no recorded request was given. Call it
// when all those requests are done. except lists answers, such as "GET /wallets 503", that the
// tests cannot bring about.
func (d *Doc) AssertAnswersSeen(t T, except ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.operations {
		for status := range o.responses {
			answer := fmt.Sprintf("%s %d", o, status)
			switch excepted := slices.Contains(except, answer); {
			case d.seen[answer] && excepted:
				t.Errorf("openapi: %s is excepted, but was given", answer)
			case !d.seen[answer] && !excepted:
				t.Errorf("openapi: %s is described and was never given", answer)
			}
		}
	}
}
