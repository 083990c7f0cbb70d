// Package tdd proves from history that the code was driven by tests.
//
// A commit claims its part in a cycle by a trailer,
//
//	TDD: red <package folder> <TestName>
//
// or green, or refactor. Verify checks each claim out and runs the test: red must fail, green must
// pass with the very test that was red, refactor must pass and change no test.
package tdd

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Kind is a claim's part in the cycle.
type Kind string

// The parts of a cycle.
const (
	Red      Kind = "red"
	Green    Kind = "green"
	Refactor Kind = "refactor"
)

// Claim is one trailer of one commit.
type Claim struct {
	Commit  string // full hash
	Subject string // first line of the message
	Kind    Kind
	Package string // folder, from the root of the repository
	Test    string
	Red     string // of green: the commit of the red before it
}

func (c Claim) String() string {
	return fmt.Sprintf("%s: %s %s %s", c.Commit[:min(8, len(c.Commit))], c.Kind, c.Package, c.Test)
}

const (
	fieldEnd  = "\x1f"
	recordEnd = "\x1e"
)

// History reads the claims of all commits that lead to HEAD, oldest first.
// Those of withdrawn commits are left out. Errors: a shallow clone, a malformed trailer, a green
// without a red before it.
func History(ctx context.Context, repo string, withdrawn Withdrawn) ([]Claim, error) {
	shallow, err := git(ctx, repo, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return nil, err
	}
	if shallow == "true" {
		return nil, errors.New("this is a shallow clone; fetch all of history first: git fetch --unshallow")
	}
	log, err := git(ctx, repo, "log", "--reverse", "--topo-order",
		"--format=%H"+fieldEnd+"%s"+fieldEnd+"%(trailers:key=TDD,valueonly,separator=%x1f)"+recordEnd)
	if err != nil {
		return nil, err
	}
	var claims []Claim
	reds := map[string]string{}
	for record := range strings.SplitSeq(log, recordEnd) {
		fields := strings.Split(strings.TrimSpace(record), fieldEnd)
		for _, trailer := range fields[min(2, len(fields)):] {
			if trailer == "" || withdrawn.has(fields[0]) {
				continue
			}
			c, err := parse(fields[0], fields[1], trailer)
			if err != nil {
				return nil, err
			}
			name := c.Package + " " + c.Test
			if c.Kind == Red {
				reds[name] = c.Commit
			} else if c.Red = reds[name]; c.Red == "" && c.Kind == Green {
				return nil, fmt.Errorf("%s: there is no red before it", c)
			}
			claims = append(claims, c)
		}
	}
	return claims, nil
}

// Withdrawn names commits whose claims do not hold, by the beginnings of their hashes, with the
// reason. History is never rewritten, so a wrong claim stays where it is and is listed instead.
type Withdrawn map[string]string

func (w Withdrawn) has(commit string) bool {
	for beginning := range w {
		if strings.HasPrefix(commit, beginning) {
			return true
		}
	}
	return false
}

// ParseWithdrawn reads one commit a line, its hash and the reason; # begins a comment.
func ParseWithdrawn(text string) (Withdrawn, error) {
	w := Withdrawn{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		hash, reason, _ := strings.Cut(line, " ")
		if len(hash) < 7 || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%q: want a hash of 7 or more characters and a reason", line)
		}
		w[hash] = strings.TrimSpace(reason)
	}
	return w, nil
}

func parse(commit, subject, trailer string) (Claim, error) {
	words := strings.Fields(trailer)
	if len(words) != 3 {
		return Claim{}, fmt.Errorf("%s: TDD: %q: want a kind, a package folder and a test", commit, trailer)
	}
	c := Claim{Commit: commit, Subject: subject, Kind: Kind(words[0]), Package: words[1], Test: words[2]}
	if c.Kind != Red && c.Kind != Green && c.Kind != Refactor {
		return Claim{}, fmt.Errorf("%s: the kind must be red, green or refactor", c)
	}
	return c, nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
