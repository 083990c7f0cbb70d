package domain_test

import (
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
