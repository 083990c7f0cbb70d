package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
)

func TestNewPeriod_IsHalfOpenAndRunsForward(t *testing.T) {
	t.Parallel()
	p, err := domain.NewPeriod(noon, noon.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, domain.Period{From: noon, To: noon.Add(time.Hour)}, p)

	for name, to := range map[string]time.Time{"backwards": noon.Add(-1), "empty": noon} {
		_, err := domain.NewPeriod(noon, to)
		require.ErrorAs(t, err, new(domain.Invalid), name)
	}
}

func TestNewPeriod_IsOpenWhereNothingIsSaid(t *testing.T) {
	t.Parallel()
	for _, p := range []domain.Period{{}, {From: noon}, {To: noon}} {
		got, err := domain.NewPeriod(p.From, p.To)
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
}
