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
