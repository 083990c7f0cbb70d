package domain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxNameLength bounds a name, in characters.
const MaxNameLength = 100

// A Name is what a person wants to be called: one line of text, shown to others as it is.
type Name struct{ text string }

// ParseName takes 1 to MaxNameLength characters, spaces around them dropped. Refused are control
// characters, line separators and the marks that turn the direction of the text around them
// (U+202A..E, U+2066..9); everything else is data, not markup, and is kept.
func ParseName(raw string) (Name, error) {
	fault := func(code, detail string) error { return Reject(FieldError{"name", code, detail}) }
	text := strings.TrimFunc(raw, unicode.IsSpace)
	switch {
	case text == "":
		return Name{}, fault("required", "must not be empty")
	case utf8.RuneCountInString(text) > MaxNameLength:
		return Name{}, fault("too_long", fmt.Sprintf("must have at most %d characters", MaxNameLength))
	case !isPlainText(text) || strings.ContainsFunc(text, breaksLine):
		return Name{}, fault("not_text", "must be one line of text without control characters")
	}
	return Name{text}, nil
}

// String is the name as it is shown.
func (n Name) String() string { return n.text }

func breaksLine(r rune) bool {
	return r == '\u2028' || r == '\u2029' || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}
