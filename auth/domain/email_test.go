package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
)

func TestParseEmail_FoldsCaseToOneForm(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"ann.lee+tag@example.com", "Ann.Lee+Tag@Example.COM", "ANN.LEE+TAG@EXAMPLE.COM"} {
		got, err := domain.ParseEmail(raw)
		require.NoError(t, err)
		require.Equal(t, "ann.lee+tag@example.com", got.String())
	}
}

// A look-alike must not become an existing person's address by folding: U+212A KELVIN SIGN
// lower-cases to "k", U+017F LONG S upper-cases to "S", Cyrillic "а" looks like Latin "a".
func TestParseEmail_RefusesLettersThatOnlyLookLikeASCII(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"\u212Aim@example.com", "bo\u017F@example.com", "\u0430nn@example.com", "ann@ex\u0430mple.com", "ａnn@example.com", "ann\u200b@example.com", "ann\u0301@example.com"} {
		_, err := domain.ParseEmail(raw)
		requireFault(t, err, "email", "malformed")
	}
}

func requireFault(t *testing.T, err error, field, code string) {
	t.Helper()
	var invalid domain.Invalid
	require.ErrorAs(t, err, &invalid)
	for _, f := range invalid.Fields {
		if f.Field == field && f.Code == code {
			require.NotEmpty(t, f.Detail)
			return
		}
	}
	require.Failf(t, "fault not named", "want %s: %s in %v", field, code, err)
}

func TestParseEmail_RefusesWhatNoMailServerWouldDeliver(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for name, raw := range map[string]string{
		"empty": "", "no at": "ann.example.com", "two ats": "ann@lee@example.com", "no local part": "@example.com",
		"no domain": "ann@", "leading dot": ".ann@example.com", "trailing dot": "ann.@example.com",
		"double dot": "ann..lee@example.com", "space": "ann lee@example.com", "outer space": " ann@example.com",
		"quoted": `"ann lee"@example.com`, "comment": "ann(x)@example.com", "line break": "ann@example.com\r\nBcc: x@example.com",
		"NUL": "ann\x00@example.com", "angle brackets": "<ann@example.com>", "one label": "ann@localhost",
		"empty label": "ann@example..com", "label starts with hyphen": "ann@-example.com", "label ends with hyphen": "ann@example-.com",
		"numeric last label": "ann@127.0.0.1", "address literal": "ann@[127.0.0.1]", "underscore in domain": "ann@ex_ample.com",
		"local part of 65": strings.Repeat("a", 65) + "@example.com", "label of 64": "ann@" + label + "a.com",
		"255 in all": "ann@" + label + "." + label + "." + label + "." + strings.Repeat("b", 55) + ".com",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := domain.ParseEmail(raw)
			requireFault(t, err, "email", "malformed")
			require.NotContains(t, err.Error(), "ann", "an error never repeats the value")
		})
	}
	for _, raw := range []string{
		"a@b.co", "o'hara/dept=x!#$%&*?^_`{|}~-+1@example.com", "x@xn--bcher-kva.example", strings.Repeat("a", 64) + "@" + label + ".com",
		"1@1.2.example", "x@a-b.example",
	} {
		_, err := domain.ParseEmail(raw)
		require.NoError(t, err, raw)
	}
}

func TestEmail_KnowsItsLocalPart(t *testing.T) {
	t.Parallel()
	e, err := domain.ParseEmail("Ann@example.com")
	require.NoError(t, err)
	require.Equal(t, "ann", e.LocalPart())
	require.False(t, e.IsZero())
	require.True(t, domain.Email{}.IsZero())
}

func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{"ann@example.com", "Ann@EXAMPLE.com", "a@b", "@", "\u212A@example.com", "a@xn--a.example", "a\r\n@b.co"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		e, err := domain.ParseEmail(raw)
		if err != nil {
			require.True(t, e.IsZero())
			return
		}
		require.Equal(t, strings.ToLower(raw), e.String())
		again, err := domain.ParseEmail(e.String())
		require.NoError(t, err, "the canonical form is itself an address")
		require.Equal(t, e, again, "canonicalising twice changes nothing")
		require.NotContains(t, e.String(), "\n")
		require.LessOrEqual(t, len(e.String()), domain.MaxEmailBytes)
	})
}
