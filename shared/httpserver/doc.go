// Package httpserver is how the services of the platform speak HTTP: strict requests in,
// problem details or JSON out, and a server that bounds and drains what it serves.
//
// A service builds its routes on NewRouter, wraps each handler with Handle and the whole with
// Middleware, and serves it with a Server. Start reading at Handle (handle.go).
package httpserver
