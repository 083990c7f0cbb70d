// Package trouble logs what goes on being wrong: a neighbour that is away for an hour is a line or
// two, not thousands.
package trouble

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
)

// kinds bounds how many lines an outage makes: clients tell of one in a few ways, in turn.
const kinds = 4

// Line is one thing that may be in trouble. It is for one goroutine; the zero value is well.
type Line struct{ known map[string]bool }

// Heard logs err as a warning, and when it is over that too. An error of a kind that was logged
// since all was well is not logged again.
func (l *Line) Heard(ctx context.Context, log *slog.Logger, text string, err error, attrs ...any) {
	if err == nil {
		if len(l.known) > 0 {
			log.InfoContext(ctx, "over: "+text, attrs...)
		}
		l.known = nil
		return
	}
	kind := kindOf(err)
	if l.known[kind] || len(l.known) >= kinds {
		return
	}
	if l.known == nil {
		l.known = map[string]bool{}
	}
	l.known[kind] = true
	log.WarnContext(ctx, text, append(attrs, "error", err.Error())...)
}

// changing is what differs between two errors of one kind: ids of requests, ports, counts.
var changing = regexp.MustCompile(`[0-9A-Fa-f-]*[0-9][0-9A-Fa-f-]*`)

// kindOf is the first line of an error, since the joined errors of many calls are as many as were
// tried, without what changes.
func kindOf(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return changing.ReplaceAllString(first, "#")
}
