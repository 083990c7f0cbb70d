package tdd

import (
	"fmt"
	"strings"
)

// The table stands between these lines of the document; everything around it is written by hand.
const (
	tableBegin = "<!-- cycles: written by make tdd-verify -->"
	tableEnd   = "<!-- end of cycles -->"
)

// Cycle is a rule's way from red to green, and what was refactored under its test.
type Cycle struct {
	Red, Green Claim
	Refactors  []Claim
}

// Cycles joins each green with its red, oldest first. A red that waits for its green is no cycle.
func Cycles(claims []Claim) []Cycle {
	reds := map[string]Claim{}
	var cycles []Cycle
	at := map[string]int{}
	for _, c := range claims {
		name := c.Package + " " + c.Test
		switch c.Kind {
		case Red:
			reds[name] = c
		case Green:
			at[name] = len(cycles)
			cycles = append(cycles, Cycle{Red: reds[name], Green: c})
		case Refactor:
			if i, known := at[name]; known {
				cycles[i].Refactors = append(cycles[i].Refactors, c)
			}
		}
	}
	return cycles
}

// Table writes the cycles as Markdown.
func Table(cycles []Cycle) string {
	var b strings.Builder
	refactors := 0
	for _, c := range cycles {
		refactors += len(c.Refactors)
	}
	fmt.Fprintf(&b, "%d cycles, %d of them refactored afterwards under their test.\n\n", len(cycles), refactors)
	b.WriteString("| | rule | package | test | red | green |\n|--:|---|---|---|---|---|\n")
	for i, c := range cycles {
		green := short(c.Green)
		for _, r := range c.Refactors {
			green += ", refactored " + short(r)
		}
		fmt.Fprintf(&b, "| %d | %s | `%s` | `%s` | %s | %s |\n", i+1, rule(c.Red.Subject), c.Red.Package, c.Red.Test, short(c.Red), green)
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
