package domain

import (
	_ "embed"
	"slices"
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

// isTrivial says that folded is long only by rote: one piece over and over, a run along the
// character table, or two common passwords side by side (a space, "-", "_" or "." between them
// does not count).
func isTrivial(folded string) bool {
	runes := []rune(folded)
	return isRepetition(runes) || isRun(runes) || isTwoCommon(folded)
}

// isRepetition finds the shortest period; a piece that comes at least twice counts.
func isRepetition(runes []rune) bool {
	for period := 1; period <= len(runes)/2; period++ {
		same := true
		for i := period; i < len(runes) && same; i++ {
			same = runes[i] == runes[i-period]
		}
		if same {
			return true
		}
	}
	return false
}

func isRun(runes []rune) bool {
	for _, step := range []rune{1, -1} {
		run := len(runes) > 1
		for i := 1; i < len(runes) && run; i++ {
			run = runes[i]-runes[i-1] == step
		}
		if run {
			return true
		}
	}
	return false
}

func isTwoCommon(folded string) bool {
	for i := range folded {
		if isCommon(folded[:i]) && isCommon(strings.TrimLeft(folded[i:], " -_.")) {
			return true
		}
	}
	return false
}

// isPersonal says that folded is made of nothing but personal words, this service's name,
// common passwords, digits and separators, and holds at least one of the first two.
func isPersonal(folded string, personal []string) bool {
	rest, found := folded, false
	for _, word := range personalWords(personal) {
		if strings.Contains(rest, word) {
			rest, found = strings.ReplaceAll(rest, word, ""), true
		}
	}
	rest = strings.Trim(rest, " -_.@!0123456789")
	return found && (rest == "" || isCommon(rest))
}

// personalWords splits addresses and names, longest form first; words of less than three
// characters say nothing about anybody.
func personalWords(personal []string) []string {
	words := []string{}
	for _, p := range append([]string{"micropay"}, personal...) {
		p = strings.ToLower(p)
		local, _, _ := strings.Cut(p, "@")
		words = append(words, p, local)
		words = append(words, strings.FieldsFunc(local, func(r rune) bool { return strings.ContainsRune(" .-_+", r) })...)
	}
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	return slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) < 3 })
}
