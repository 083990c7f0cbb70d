// Package build says which build a program is.
//
// Images are stamped by the linker (-X .../shared/build.version=1.2.3 -X .../shared/build.commit=...);
// a program built from a checkout says what Go noted of it.
package build

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker.
var version, commit string

// Version is the release, "dev" when the build was not stamped.
func Version() string {
	if version == "" {
		return "dev"
	}
	return version
}

// Commit is the revision that was built, "unknown" when neither the linker nor Go was told.
func Commit() string {
	if commit != "" {
		return commit
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// Line is what program says when it is asked for its version.
func Line(program string) string {
	return fmt.Sprintf("%s %s (commit %s, %s)", program, Version(), Commit(), runtime.Version())
}
