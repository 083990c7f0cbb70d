package letters_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/micropay/micropay/auth/adapters/letters"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/money"
)

// Anybody can ask for a code for an address that is not theirs: what they chose must not reach it.
func TestWrite_ALetterWithACode_HoldsNothingThatAnybodyChose(t *testing.T) {
	t.Parallel()
	writer := letters.New()
	for _, kind := range []ports.LetterKind{ports.LetterVerification, ports.LetterPasswordReset} {
		for _, locale := range domain.Locales() {
			l := letter(t, kind, locale)
			l.Name = name(t, "win at canary.example")
			mail, err := writer.Write(l)
			require.NoError(t, err)
			for _, body := range []string{mail.Text, mail.HTML} {
				require.Contains(t, body, l.Code.Reveal())
				require.NotContains(t, body, "canary")
			}
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

func TestWrite_EveryLetterInEveryLocale_IsAsItWasApproved(t *testing.T) {
	t.Parallel()
	writer := letters.New()
	each(t, func(t *testing.T, kind ports.LetterKind, locale domain.Locale) {
		mail, err := writer.Write(letter(t, kind, locale))
		require.NoError(t, err)
		for extension, got := range map[string]string{".txt": "Subject: " + mail.Subject + "\n\n" + mail.Text, ".html": mail.HTML} {
			file := filepath.Join("testdata", string(locale)+"-"+string(kind)+extension)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		}
	})
}

func TestWrite_WhatPeopleChose_IsShownAsTheyWroteIt(t *testing.T) {
	t.Parallel()
	l := letter(t, ports.LetterMoneyReceived, domain.English)
	l.Name, l.Other, l.Note = name(t, "<Ann> & {{.Code}}"), "{{.Secret}} \u202egnp.exe\r\nBcc: eve@example.com", strings.Repeat("ñ", 300)
	mail, err := letters.New().Write(l)
	require.NoError(t, err)
	for _, body := range []string{mail.Text, shown(t, mail.HTML)} {
		require.Contains(t, body, "Hello <Ann> & {{.Code}},\n")
		require.Contains(t, body, "From: {{.Secret}} gnp.exe Bcc: eve@example.com\n")
		require.Contains(t, body, "Note: "+strings.Repeat("ñ", 254)+"…\n")
	}
	require.Contains(t, mail.HTML, "&lt;Ann&gt; &amp; {{.Code}}")
}

func TestWrite_WithoutANameOrANote_LeavesTheirPlaceOut(t *testing.T) {
	t.Parallel()
	l := letter(t, ports.LetterMoneySent, domain.Spanish)
	l.Name, l.Other, l.Note = domain.Name{}, "\u202e", " \n "
	mail, err := letters.New().Write(l)
	require.NoError(t, err)
	require.Contains(t, mail.Text, "Hola:\n\nHas enviado 10,50 USD.\n\nCuándo: ")
	require.NotContains(t, mail.HTML, "<br>\n<br>")
	require.NotContains(t, mail.HTML, "Nota")
}

func TestWrite_AmountsTimesAndLifetimes_AreWrittenAsReadersDo(t *testing.T) {
	t.Parallel()
	writer := letters.New()
	text := func(l ports.Letter) string {
		mail, err := writer.Write(l)
		require.NoError(t, err)
		return mail.Text
	}
	for amount, want := range map[money.Money][2]string{
		{Amount: 1, Currency: "USD"}:         {"0.01 USD", "0,01 USD"},
		{Amount: 500, Currency: "JPY"}:       {"500 JPY", "500 JPY"},
		{Amount: 1234567, Currency: "KWD"}:   {"1234.567 KWD", "1234,567 KWD"},
		{Amount: 20000, Currency: "CLF"}:     {"2.0000 CLF", "2,0000 CLF"},
		{Amount: money.Max, Currency: "EUR"}: {"90071992547409.91 EUR", "90071992547409,91 EUR"},
	} {
		for i, locale := range domain.Locales() {
			l := letter(t, ports.LetterMoneyReceived, locale)
			l.Amount = amount
			require.Contains(t, text(l), " "+want[i]+".\n")
		}
	}
	for lifetime, want := range map[time.Duration][2]string{
		time.Hour: {"1 hour", "1 hora"}, 90 * time.Minute: {"90 minutes", "90 minutos"}, time.Minute: {"1 minute", "1 minuto"},
		time.Second: {"1 second", "1 segundo"}, 61900 * time.Millisecond: {"61 seconds", "61 segundos"}, 720 * time.Hour: {"720 hours", "720 horas"},
	} {
		for i, locale := range domain.Locales() {
			l := letter(t, ports.LetterVerification, locale)
			l.CodeLifetime = lifetime
			require.Contains(t, text(l), " "+want[i]+".\n")
		}
	}
	l := letter(t, ports.LetterMoneySent, domain.Spanish)
	l.At = time.Date(2026, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600))
	require.Contains(t, text(l), "Cuándo: 1 de enero de 2027, 00:30 UTC\n")
}

func TestWrite_ALocaleThatIsNone_IsEnglish(t *testing.T) {
	t.Parallel()
	writer := letters.New()
	english, err := writer.Write(letter(t, ports.LetterWelcome, domain.English))
	require.NoError(t, err)
	for _, locale := range []domain.Locale{"", "xx"} {
		mail, err := writer.Write(letter(t, ports.LetterWelcome, locale))
		require.NoError(t, err)
		require.Equal(t, english, mail)
	}
}

func TestWrite_ALetterThatIsNotComplete_IsNone(t *testing.T) {
	t.Parallel()
	writer := letters.New()
	for kind, spoil := range map[ports.LetterKind][]func(*ports.Letter){
		ports.LetterVerification:  {func(l *ports.Letter) { l.Code = domain.Code{} }, func(l *ports.Letter) { l.CodeLifetime = time.Millisecond }},
		ports.LetterPasswordReset: {func(l *ports.Letter) { l.Code = domain.Code{} }, func(l *ports.Letter) { l.CodeLifetime = -time.Hour }},
		ports.LetterWelcome:       {func(l *ports.Letter) { l.To = domain.Email{} }},
		ports.LetterMoneyReceived: {func(l *ports.Letter) { l.Amount = money.Money{} }, func(l *ports.Letter) { l.At = time.Time{} }},
		ports.LetterMoneySent:     {func(l *ports.Letter) { l.Amount.Amount = -1 }, func(l *ports.Letter) { l.Reference = "" }},
		"love":                    {func(*ports.Letter) {}},
	} {
		for _, spoil := range spoil {
			l := letter(t, kind, domain.English)
			spoil(&l)
			mail, err := writer.Write(l)
			require.ErrorContains(t, err, string(kind))
			require.Zero(t, mail)
		}
	}
}

func TestTemplates_EachLocaleHasAllOfThem(t *testing.T) {
	t.Parallel()
	want := []string{"frame.html", "frame.txt"}
	for _, kind := range ports.LetterKinds() {
		want = append(want, string(kind)+".html", string(kind)+".txt")
	}
	for _, locale := range domain.Locales() {
		files, err := os.ReadDir(filepath.Join("templates", string(locale)))
		require.NoError(t, err)
		var names []string
		for _, file := range files {
			names = append(names, file.Name())
		}
		require.ElementsMatch(t, want, names, locale)
	}
}

func TestTemplates_ThePageIsWholeAndLoadsNothing(t *testing.T) {
	t.Parallel()
	writer := letters.New()
	each(t, func(t *testing.T, kind ports.LetterKind, locale domain.Locale) {
		mail, err := writer.Write(letter(t, kind, locale))
		require.NoError(t, err)
		require.Contains(t, markup(t, mail.HTML), "html lang="+string(locale)+" dir=ltr")
		require.Contains(t, shown(t, mail.HTML), mail.Subject)
		var open []string
		for tokens := html.NewTokenizer(strings.NewReader(mail.HTML)); tokens.Next() != html.ErrorToken; {
			switch token := tokens.Token(); {
			case token.Type == html.EndTagToken:
				require.NotEmpty(t, open)
				require.Equal(t, open[len(open)-1], token.Data, "the tags are nested")
				open = open[:len(open)-1]
			case token.Type == html.StartTagToken && !slices.Contains([]string{"meta", "br"}, token.Data):
				open = append(open, token.Data)
			}
		}
		require.Empty(t, open)
		for _, element := range markup(t, mail.HTML) {
			kind, attributes, _ := strings.Cut(element, " ")
			require.Contains(t, []string{"html", "head", "meta", "title", "body", "div", "p", "br", "bdi", "not"}, kind)
			for _, loader := range []string{"src=", "href=", "url(", "background=", "http:", "https:", "//", "@import", "on"} {
				require.NotRegexp(t, `(^|[ ;])`+regexp.QuoteMeta(loader), attributes)
			}
		}
	})
}
