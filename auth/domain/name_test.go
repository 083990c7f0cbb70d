package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
)

func TestParseName_KeepsTextAsItIsAndRefusesWhatIsNoName(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"Ann":                         "Ann",
		"  Ann Lee ":                  "Ann Lee",
		"<script>alert(1)</script>":   "<script>alert(1)</script>",
		"{{.Secret}} '; DROP TABLE--": "{{.Secret}} '; DROP TABLE--",
		"محمد علی\u200cنژاد":          "محمد علی\u200cنژاد",
		strings.Repeat("é", 100):      strings.Repeat("é", 100),
	} {
		got, err := domain.ParseName(raw)
		require.NoError(t, err)
		require.Equal(t, want, got.String())
	}
	for raw, code := range map[string]string{
		"": "required", " \u00a0 ": "required", strings.Repeat("é", 101): "too_long",
		"Ann\r\nBcc: x@example.com": "not_text", "Ann\x00": "not_text", "\x1b[31mAnn": "not_text",
		"nnA\u202e": "not_text", "A\u2066nn": "not_text", "Ann\xff": "not_text", "Ann\u2028Lee": "not_text",
	} {
		_, err := domain.ParseName(raw)
		requireFault(t, err, "name", code)
	}
}
