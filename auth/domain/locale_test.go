package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
)

func TestParseLocale_TakesAnyTagAndGivesALanguageWeHave(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]domain.Locale{
		"en": domain.English, "es": domain.Spanish, "ES": domain.Spanish, "es-MX": domain.Spanish, "es-419": domain.Spanish,
		"es-Latn-ES-x-work": domain.Spanish, "es-u-co-trad": domain.Spanish, "en-GB": domain.English, "en-a-bbb-x-a-ccc": domain.English,
		"de": domain.English, "de-CH-1996": domain.English, "zh-cmn-Hans-CN": domain.English, "sl-rozaj-biske": domain.English,
		"x-es": domain.English, "est": domain.English, "spanish": domain.English, "qaaa": domain.English,
	} {
		got, err := domain.ParseLocale(tag)
		require.NoError(t, err, tag)
		require.Equal(t, want, got, tag)
	}
}

func TestParseLocale_RefusesWhatIsNoTag(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{
		"", "e", "es_MX", "es-", "-es", "es--MX", "es-MX-", "es-u", "es-x", "x", "es-123456789", "e\u017f", "\u212aa", "es\r\nBcc: x", "ñandu", "es-MX ",
		"en" + strings.Repeat("-abcde", 30),
	} {
		got, err := domain.ParseLocale(tag)
		require.ErrorAs(t, err, &domain.Invalid{}, "%q", tag)
		require.EqualError(t, err, "invalid input: locale: malformed")
		require.Empty(t, got)
	}
}

func TestLocales_ListsEachOnce(t *testing.T) {
	t.Parallel()
	require.Equal(t, []domain.Locale{domain.English, domain.Spanish}, domain.Locales())
}
