package letters_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/letters"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
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
