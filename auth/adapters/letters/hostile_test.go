package letters_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/micropay/micropay/auth/adapters/letters"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// hostile is text made to break out of where it is put.
var hostile = rapid.Custom(func(t *rapid.T) string {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"\r\nBcc: eve@example.com\r\n", "\n\nYour code is 0000-0000-0000\n", "\r", "\v\f\u0085\u2028\u2029", "\x00\x1b[2J\x7f",
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</bdi></p><a href=https://eve.example>", "<!--", "-->", "<![CDATA[", "</title>",
		"&lt;b&gt;", "{{.Secret}}", "{{template \"body\" .}}", "}}", "\u202e\u202d\u202a\u202b\u202c", "\u2066\u2067\u2068\u2069", "\xff\xfe",
		"--=_boundary\r\nContent-Type: text/html\r\n\r\n", "\r\n.\r\n", strings.Repeat("x", 10_000), strings.Repeat("\u0301", 500), "👩‍🚀", "محمد",
	}))
	return "x" + strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
})

func TestWrite_WhatPeopleChose_AddsNoHeaderTagOrLine(t *testing.T) {
	t.Parallel()
	writer := letters.New()
	each(t, func(t *testing.T, kind ports.LetterKind, locale domain.Locale) {
		harmless, err := writer.Write(letter(t, kind, locale))
		require.NoError(t, err)
		rapid.Check(t, func(t *rapid.T) {
			l := letter(t, kind, locale)
			l.Other, l.Note, l.Reference = hostile.Draw(t, "other"), hostile.Draw(t, "note"), hostile.Draw(t, "reference")
			if n, err := domain.ParseName(hostile.Draw(t, "name")); err == nil {
				l.Name = n
			}
			mail, err := writer.Write(l)
			require.NoError(t, err)
			require.Equal(t, l.To, mail.To)
			require.Equal(t, harmless.Subject, mail.Subject)
			require.Equal(t, markup(t, harmless.HTML), markup(t, mail.HTML))
			for _, body := range [][2]string{{harmless.Text, mail.Text}, {harmless.HTML, mail.HTML}} {
				require.Equal(t, strings.Count(body[0], "\n"), strings.Count(body[1], "\n"))
			}
			for _, body := range []string{mail.Text, shown(t, mail.HTML)} {
				require.True(t, utf8.ValidString(body))
				require.NotContains(t, body, "\r")
				require.Negative(t, strings.IndexFunc(body, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || turnsOrBreaks(r) }))
				require.Less(t, utf8.RuneCountInString(body), 2000)
			}
		})
	})
}

func turnsOrBreaks(r rune) bool {
	return '\u2028' <= r && r <= '\u2029' || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}
