// Package letters puts what people are told by mail into words: as text and as HTML, in each of
// the languages of domain.Locales.
//
// What people chose (names, notes) is data wherever it comes: one line, cleaned and bounded
// (clean.go), escaped in HTML, last on its line in the text so that it cannot reorder an amount
// that would follow it, and never in a subject. A letter with a code, which anybody can have sent
// to anybody, holds nothing of it at all. No letter loads anything.
//
// The words are in templates/<locale>/<kind>.txt and .html, which define "subject" and "body", and
// in frame.txt and .html, the greeting and the last lines; templates/layout.* puts them together.
package letters

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/money"
)

//go:embed templates
var files embed.FS

// Writer writes letters.
type Writer struct{ words map[subject]wording }

// subject is what a wording is for.
type subject struct {
	kind   ports.LetterKind
	locale domain.Locale
}

type wording struct {
	text *template.Template
	html *htmltemplate.Template
}

// New reads the templates, which are part of the program.
func New() *Writer {
	w := &Writer{words: map[subject]wording{}}
	for _, locale := range domain.Locales() {
		for _, kind := range ports.LetterKinds() {
			of := func(extension string) []string {
				own := "templates/" + string(locale) + "/"
				return []string{"templates/layout" + extension, own + "frame" + extension, own + string(kind) + extension}
			}
			w.words[subject{kind, locale}] = wording{
				text: template.Must(template.New("layout.txt").ParseFS(files, of(".txt")...)),
				html: htmltemplate.Must(htmltemplate.New("layout.html").ParseFS(files, of(".html")...)),
			}
		}
	}
	return w
}

// page is what the templates see: nothing but text, ready to be shown.
type page struct {
	Language, Subject            string
	Name, Other, Note, Reference string // of people: cleaned; empty if there is none
	Code, Lifetime, Amount, At   string
}

// Write gives the letter in its locale, English if that is none of ours. Errors: a kind that there
// is none of, or a letter without what its kind needs; none of them repeats what people chose.
func (w *Writer) Write(l ports.Letter) (ports.Mail, error) {
	language, found := languages[l.Locale]
	if !found {
		l.Locale, language = domain.English, languages[domain.English]
	}
	words, found := w.words[subject{l.Kind, l.Locale}]
	if !found {
		return ports.Mail{}, fmt.Errorf("letter of kind %q: there is none", l.Kind)
	}
	if err := complete(l); err != nil {
		return ports.Mail{}, fmt.Errorf("letter of kind %s: %w", l.Kind, err)
	}
	p := language.page(l)
	mail := ports.Mail{To: l.To}
	var err error
	render := func(execute func(io.Writer) error) string {
		var out strings.Builder
		if err == nil {
			err = execute(&out)
		}
		return out.String()
	}
	mail.Subject = render(func(out io.Writer) error { return words.text.ExecuteTemplate(out, "subject", nil) })
	p.Subject = mail.Subject
	mail.Text = render(func(out io.Writer) error { return words.text.Execute(out, p) })
	mail.HTML = render(func(out io.Writer) error { return words.html.Execute(out, p) })
	if err != nil {
		return ports.Mail{}, fmt.Errorf("letter of kind %s: %w", l.Kind, err)
	}
	return mail, nil
}

// page is what the kind of letter shows, and no more.
func (g language) page(l ports.Letter) page {
	p := page{Language: string(l.Locale)}
	if isCode(l.Kind) {
		p.Code, p.Lifetime = l.Code.Reveal(), g.duration(l.CodeLifetime)
		return p
	}
	p.Name = line(l.Name.String(), longestName)
	if l.Kind != ports.LetterWelcome {
		p.Amount, p.At, p.Reference = g.amount(l.Amount), g.moment(l.At), line(l.Reference, longestReference)
		p.Other, p.Note = line(l.Other, longestName), line(l.Note, longestNote)
	}
	return p
}

func isCode(kind ports.LetterKind) bool {
	return kind == ports.LetterVerification || kind == ports.LetterPasswordReset
}

// complete says what the letter lacks.
func complete(l ports.Letter) error {
	switch {
	case l.To.IsZero():
		return errors.New("it has no address")
	case isCode(l.Kind) && (l.Code == domain.Code{} || l.CodeLifetime < time.Second):
		return errors.New("it needs a code, and a lifetime of a second or more")
	case isCode(l.Kind) || l.Kind == ports.LetterWelcome:
		return nil
	case l.At.IsZero() || l.Reference == "":
		return errors.New("it needs the time and the id of the transfer")
	}
	if _, err := money.New(l.Amount.Amount, l.Amount.Currency); err != nil {
		return fmt.Errorf("amount: %w", err)
	}
	return nil
}
