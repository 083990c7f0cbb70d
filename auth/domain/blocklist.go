package domain

import (
	_ "embed"
	"strings"
)

//go:embed common_passwords.txt
var commonPasswordsText string

var commonPasswords = parseBlocklist(commonPasswordsText)

// CommonPasswords is how many passwords the blocklist holds.
func CommonPasswords() int { return len(commonPasswords) }

func parseBlocklist(text string) map[string]struct{} {
	list := make(map[string]struct{}, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		if word := strings.TrimSuffix(line, "\n"); !strings.HasPrefix(word, "# ") {
			list[word] = struct{}{}
		}
	}
	return list
}

func isCommon(folded string) bool {
	_, found := commonPasswords[folded]
	return found
}
