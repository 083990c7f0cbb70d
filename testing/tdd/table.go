package tdd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The table stands between these lines of the document; everything around it is written by hand.
const (
	tableBegin = "<!-- cycles: written by make tdd-verify -->"
	tableEnd   = "<!-- end of cycles -->"
)

// Cycle is a rule's way from red to green.
type Cycle struct{ Red, Green Claim }

// Cycles joins each green with its red, oldest first. A red that waits for its green is no cycle.
func Cycles(claims []Claim) []Cycle {
	reds := map[string]Claim{}
	var cycles []Cycle
	for _, c := range claims {
		switch name := c.Package + " " + c.Test; c.Kind {
		case Red:
			reds[name] = c
		case Green:
			cycles = append(cycles, Cycle{reds[name], c})
		}
	}
	return cycles
}

// Table writes cycles and refactorings as Markdown, and what was withdrawn.
func Table(claims []Claim, withdrawn Withdrawn) string {
	var b strings.Builder
	cycles := Cycles(claims)
	fmt.Fprintf(&b, "%d cycles.\n\n| | rule | package | test | red | green |\n|--:|---|---|---|---|---|\n", len(cycles))
	for i, c := range cycles {
		fmt.Fprintf(&b, "| %d | %s | `%s` | `%s` | %s | %s |\n",
			i+1, rule(c.Red.Subject), c.Red.Package, c.Red.Test, short(c.Red), short(c.Green))
	}
	title := "\nRefactorings under unchanged, passing tests:\n\n"
	for _, c := range claims {
		if c.Kind == Refactor {
			fmt.Fprintf(&b, "%s- %s: %s (`%s`)\n", title, short(c), c.Subject, c.Test)
			title = ""
		}
	}
	title = "\nClaims that do not hold, and are not counted:\n\n"
	for _, hash := range slices.Sorted(maps.Keys(withdrawn)) {
		fmt.Fprintf(&b, "%s- %s: %s\n", title, hash, withdrawn[hash])
		title = ""
	}
	return b.String()
}

func short(c Claim) string { return c.Commit[:min(8, len(c.Commit))] }

// rule is a commit's subject without its area.
func rule(subject string) string {
	if _, rest, found := strings.Cut(subject, ": "); found {
		subject = rest
	}
	return strings.ReplaceAll(subject, "|", "\\|")
}

// Insert puts the table into the document, in place of the one that stands there.
func Insert(document, table string) (string, error) {
	before, rest, begins := strings.Cut(document, tableBegin)
	_, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		return "", fmt.Errorf("the document lacks the lines %q and %q", tableBegin, tableEnd)
	}
	return before + tableBegin + "\n" + table + tableEnd + after, nil
}
