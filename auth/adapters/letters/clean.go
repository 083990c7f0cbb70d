package letters

import (
	"strings"
	"unicode"
)

// How long what people chose may be, in characters; what is longer ends with an ellipsis. Nothing
// that the services accept is: a name has 100 characters at most, a description 255.
const (
	longestName      = 100
	longestNote      = 255
	longestReference = 64
)

// line makes one line of s, of at most so many characters: breaks and other space become single
// spaces; control characters, and the marks that turn the direction of the text around them
// (U+202A..E, U+2066..9), are left out; what is no UTF-8 becomes U+FFFD. All else is kept.
func line(s string, most int) string {
	kept := make([]rune, 0, min(len(s), most+1))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r): // U+2028 and U+2029 are
			space = len(kept) > 0
			continue
		case unicode.IsControl(r) || turnsDirection(r):
			continue
		}
		if space {
			kept, space = append(kept, ' '), false
		}
		kept = append(kept, r)
		if len(kept) > most {
			return strings.TrimRight(string(kept[:most-1]), " ") + "…"
		}
	}
	return string(kept)
}

func turnsDirection(r rune) bool {
	return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}
