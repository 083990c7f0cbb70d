// Package gate judges the coverage of all modules together: it merges what every test binary
// and every started program covered, sums it up by layer, and says which layer falls short.
package gate

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/cover"
)

// Tree is where the workspace's packages are.
type Tree struct {
	Prefix string // import path of the workspace, e.g. github.com/micropay/micropay
	Root   string // folder of the workspace
}

// path returns a file's path relative to the root, from its name in a profile.
func (t Tree) path(name string) string { return strings.TrimPrefix(name, t.Prefix+"/") }

// Read merges the profiles of several runs. A block that many test binaries report is one block,
// covered if any of them covered it. Generated files and the lines of main are left out.
func Read(tree Tree, profiles ...string) ([]*cover.Profile, error) {
	merged := map[string]*cover.Profile{}
	for _, name := range profiles {
		some, err := cover.ParseProfiles(name)
		if err != nil {
			return nil, fmt.Errorf("coverage: %w", err)
		}
		for _, p := range some {
			if merged[p.FileName] == nil {
				merged[p.FileName] = p
				continue
			}
			merged[p.FileName].Blocks = union(merged[p.FileName].Blocks, p.Blocks)
		}
	}
	var all []*cover.Profile
	for _, p := range merged {
		out, err := tree.leftOut(p.FileName)
		if err != nil {
			return nil, err
		}
		if !out {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *cover.Profile) int { return strings.Compare(a.FileName, b.FileName) })
	return all, nil
}

type place struct{ startLine, startCol, endLine, endCol int }

func union(a, b []cover.ProfileBlock) []cover.ProfileBlock {
	at := map[place]int{}
	for i, block := range a {
		at[place{block.StartLine, block.StartCol, block.EndLine, block.EndCol}] = i
	}
	for _, block := range b {
		key := place{block.StartLine, block.StartCol, block.EndLine, block.EndCol}
		if i, known := at[key]; known {
			a[i].Count += block.Count
			continue
		}
		a = append(a, block)
	}
	return a
}

// generated is the line by which Go knows generated files (go.dev/s/generatedcode).
var generated = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

// leftOut reports whether a file counts for nothing: it is generated, or a command's main.go.
func (t Tree) leftOut(name string) (bool, error) {
	path := t.path(name)
	if filepath.Base(path) == "main.go" && strings.Contains(path, "/cmd/") {
		return true, nil
	}
	f, err := os.Open(filepath.Join(t.Root, path))
	if err != nil {
		return false, fmt.Errorf("coverage: the profile names a file that is not there: %w", err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan() && !strings.HasPrefix(lines.Text(), "package "); {
		if generated.MatchString(lines.Text()) {
			return true, nil
		}
	}
	return false, nil
}
