// Package config reads a service's settings from environment variables.
//
// A service describes its settings as one struct (tags of github.com/caarlos0/env) and loads it
// once, before anything starts. Three promises: every mistake is in the one error that comes back,
// so nobody repairs a start variable by variable; every variable X may be given as X_FILE, the
// path of a file that holds the value (mounted secrets); and no error ever shows a value.
// An empty variable counts as not set, which is what compose files make of an absent one.
package config
