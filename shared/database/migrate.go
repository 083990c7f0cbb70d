package database

import (
	"context"
	"io/fs"
	"time"
)

// Migrate brings a schema up to date.
func Migrate(context.Context, string, string, fs.FS, ...Option) error { return nil }

// Option changes how Migrate goes about it.
type Option func()

// Within says how long to wait for the server.
func Within(time.Duration) Option { return nil }
