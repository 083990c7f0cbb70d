package domain

import (
	"regexp"
	"slices"
	"strings"
)

// A Locale is a language that people are written to in.
type Locale string

// The locales; Locales lists them all.
const (
	English Locale = "en" // also of everybody whose language we do not have
	Spanish Locale = "es"
)

// Locales lists every Locale, for tables that must know them all.
func Locales() []Locale { return []Locale{English, Spanish} }

// maxTagBytes bounds a language tag; RFC 5646, 4.4.1 finds 35 enough for nearly all.
const maxTagBytes = 100

// languageTag is the syntax of RFC 5646, 2.1, without the irregular tags that were grandfathered
// ("i-klingon"), all of which are deprecated. Its letters are spelled out: a pattern that ignores
// case would take the Kelvin sign for a K.
var languageTag = regexp.MustCompile(`^(` +
	`([A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})` + // language, extended
	`(-[A-Za-z]{4})?` + // script
	`(-([A-Za-z]{2}|[0-9]{3}))?` + // region
	`(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*` + // variants
	`(-[0-9A-WYZa-wyz](-[A-Za-z0-9]{2,8})+)*` + // extensions
	`(-[xX](-[A-Za-z0-9]{1,8})+)?` + // private use
	`|[xX](-[A-Za-z0-9]{1,8})+)$`)

// ParseLocale takes a language tag (BCP 47, e.g. "es-MX") and gives the language of it if we have
// it, else English. What is no such tag is Invalid for the field "locale".
func ParseLocale(tag string) (Locale, error) {
	if len(tag) > maxTagBytes || !languageTag.MatchString(tag) {
		return "", Reject(FieldError{"locale", "malformed", "must be a language tag like es or es-MX (BCP 47)"})
	}
	language, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if l := Locale(language); slices.Contains(Locales(), l) {
		return l, nil
	}
	return English, nil
}
