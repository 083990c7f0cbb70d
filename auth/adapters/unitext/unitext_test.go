package unitext_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/unitext"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/testing/contract/authports"
)

func TestHostName_OneDomainHasOneForm(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"Example.COM": "example.com", "bücher.example": "xn--bcher-kva.example", "BU\u0308CHER.example": "xn--bcher-kva.example",
		"xn--bcher-kva.example": "xn--bcher-kva.example", "ｅｘａｍｐｌｅ.com": "example.com", "straße.example": "xn--strae-oqa.example",
		"ex\u0430mple.com": "xn--exmple-4nf.com", // the Cyrillic letter: another domain
	} {
		got, err := unitext.Text{}.HostName(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got)
	}
	for _, raw := range []string{"", "a..b", "-a.example", "xn--\u0430.example", "xn--zzzzzzzz99999.example", "a b.example", "a_b.example", "\u200d.example", "0\xc30"} {
		_, err := unitext.Text{}.HostName(raw)
		require.Error(t, err, raw)
	}
}

func TestText_KeepsTheContract(t *testing.T) {
	t.Parallel()
	authports.Text(t, unitext.Text{})
}

func FuzzHostName(f *testing.F) {
	for _, s := range []string{"example.com", "bücher.example", "xn--bcher-kva.example", "\u0430.\u200c", "xn--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		ascii, err := unitext.Text{}.HostName(raw)
		if err != nil {
			return
		}
		again, err := unitext.Text{}.HostName(ascii)
		require.NoError(t, err)
		require.Equal(t, ascii, again, "canonicalising twice changes nothing")
		e, err := domain.ParseEmail("a@" + ascii)
		if err == nil {
			require.Equal(t, "a@"+ascii, e.String())
		}
	})
}
