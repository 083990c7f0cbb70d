// Package architecture checks that the folders mean what they say: who may import whom, what a
// package may be called, and that a file can be read in one sitting.
package architecture

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Prefix is the import path of the workspace.
const Prefix = "github.com/micropay/micropay/"

// Package is what is checked of one package.
type Package struct {
	Path    string   // import path
	Imports []string // import paths, those of its tests not counted
	Files   []File
}

// File is a Go file and its length.
type File struct {
	Name      string
	Lines     int
	Generated bool
}

// MostLines is how long a file may be that somebody wrote.
const MostLines = 450

// place is where a package stands: which module, which layer of a service, which adapter.
type place struct{ module, layer, part string }

func placeOf(importPath string) (place, bool) {
	rest, ours := strings.CutPrefix(importPath, Prefix)
	if !ours {
		return place{}, false
	}
	parts := strings.SplitN(rest, "/", 4)
	p := place{module: parts[0], layer: "wiring"}
	if !isService(p.module) {
		p.layer = ""
	}
	if len(parts) > 1 && p.layer != "" && slices.Contains(layers, parts[1]) {
		p.layer = parts[1]
	}
	if p.layer == "adapters" && len(parts) > 2 {
		p.part = parts[2]
	}
	return p, true
}

// layers may be imported by those that come after them.
var layers = []string{"domain", "ports", "app", "adapters", "wiring", "cmd"}

func isService(module string) bool { return module == "auth" || module == "transaction" }

// Check returns what breaks the rules, a line each.
func Check(packages []Package) []string {
	var faults []string
	for _, p := range packages {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, path.Base(p.Path)) {
			faults = append(faults, fmt.Sprintf("%s: a package is named for what it provides", p.Path))
		}
		for _, f := range p.Files {
			if f.Lines > MostLines && !f.Generated {
				faults = append(faults, fmt.Sprintf("%s/%s: %d lines, more than one sitting (%d)", p.Path, f.Name, f.Lines, MostLines))
			}
		}
		for _, imported := range p.Imports {
			if why := forbidden(p.Path, imported); why != "" {
				faults = append(faults, fmt.Sprintf("%s imports %s: %s", p.Path, imported, why))
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// forbidden says why from may not import to, or "".
func forbidden(from, to string) string {
	a, ours := placeOf(from)
	b, theirs := placeOf(to)
	switch {
	case !ours:
		return ""
	case !theirs:
		if a.layer == "domain" && strings.Contains(strings.SplitN(to, "/", 2)[0], ".") {
			return "the domain knows only the standard library and shared/money"
		}
		return ""
	case strings.Contains(to, "/cmd/"):
		return "nothing imports a command"
	case isService(a.module) && isService(b.module) && a.module != b.module:
		return "services never import each other"
	case a.module == "shared" && isService(b.module):
		return "what is shared knows no service"
	case b.module == "testing" && a.module != "testing":
		return "only tests import the harness"
	case a.layer == "domain" && b.module == "shared" && to != Prefix+"shared/money":
		return "the domain knows only the standard library and shared/money"
	case !isService(a.module) || !isService(b.module):
		return ""
	case slices.Index(layers, b.layer) > slices.Index(layers, a.layer):
		return a.layer + " must not know " + b.layer
	case a.layer == "adapters" && b.layer == "adapters" && a.part != b.part:
		return "adapters never import each other"
	}
	return ""
}
