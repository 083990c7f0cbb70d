package letters_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/money"
)

// letter is one with everything that any kind needs.
func letter(t require.TestingT, kind ports.LetterKind, locale domain.Locale) ports.Letter {
	to, err := domain.ParseEmail("ann@example.com")
	require.NoError(t, err)
	return ports.Letter{
		Kind: kind, To: to, Name: name(t, "Ann Lee"), Locale: locale,
		Code: domain.NewCode([12]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), CodeLifetime: 24 * time.Hour,
		Amount: money.Money{Amount: 1050, Currency: "USD"}, Other: "Bob Ray", Note: "lunch", Reference: "01890000-0000-7000-8000-000000000001",
		At: time.Date(2026, 1, 2, 12, 5, 0, 0, time.FixedZone("", 3600)),
	}
}

func name(t require.TestingT, raw string) domain.Name {
	n, err := domain.ParseName(raw)
	require.NoError(t, err)
	return n
}

// each runs a test for every kind of letter in every locale.
func each(t *testing.T, test func(t *testing.T, kind ports.LetterKind, locale domain.Locale)) {
	t.Helper()
	for _, locale := range domain.Locales() {
		for _, kind := range ports.LetterKinds() {
			t.Run(string(locale)+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				test(t, kind, locale)
			})
		}
	}
}

// markup is the elements of a page in their order, each with its attributes, and everything that
// is neither an element nor text.
func markup(t require.TestingT, page string) (elements []string) {
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
		case html.ElementNode:
			element := n.Data
			for _, a := range n.Attr {
				element += " " + a.Key + "=" + a.Val
			}
			elements = append(elements, element)
		default:
			elements = append(elements, "not an element: "+n.Data)
		}
	}
	return elements
}

// shown is the text of a page.
func shown(t require.TestingT, page string) string {
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var text strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			text.WriteString(n.Data)
		}
	}
	return text.String()
}
