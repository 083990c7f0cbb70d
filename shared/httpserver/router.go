package httpserver

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/micropay/micropay/shared/problem"
)

type route struct{ template string }

// NewRouter is a router whose unknown paths and methods are problems, and which tells
// Middleware the template of the route that answers.
func NewRouter() *mux.Router {
	// A %2F in an id is no path separator, and what is no path of ours is not redirected to one.
	r := mux.NewRouter().UseEncodedPath().SkipClean(true)
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(http.StatusNotFound, "not_found", "there is nothing here"))
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(http.StatusMethodNotAllowed, "method_not_allowed", "this path does not take this method"))
	})
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if told, ok := r.Context().Value(routeKey).(*route); ok {
				if t, err := mux.CurrentRoute(r).GetPathTemplate(); err == nil {
					told.template = t
				}
			}
			next.ServeHTTP(w, r)
		})
	})
	return r
}
