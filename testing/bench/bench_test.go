package bench_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/bench"
)

func TestMain_ComparesAllSidesInBothPatterns(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("pgbench"); err != nil {
		t.Skip("needs PostgreSQL's pgbench (Debian: postgresql-contrib)")
	}
	program := filepath.Join(t.TempDir(), "micropay")
	out, err := exec.Command("go", "build", "-o", program, "github.com/micropay/micropay/micropay/cmd/micropay").CombinedOutput()
	require.NoError(t, err, string(out))
	var report strings.Builder
	require.NoError(t, bench.Main(t.Context(), bench.Options{Program: program, Wallets: 40, Rounds: 1, Seconds: 3}, &report))
	for _, pattern := range []string{"spread", "one hot wallet"} {
		for _, side := range []string{"SQL, one statement", "SQL, statements", "REST"} {
			require.Regexp(t, pattern+`\s+`+side+`\s+[1-9]\d*\s`, report.String())
		}
	}
}

func TestFigures_OfARound(t *testing.T) {
	t.Parallel()
	f := bench.Figures{Took: 2 * time.Second}
	require.Zero(t, f.Quantile(.5))
	for i := range 100 {
		f.Latencies = append(f.Latencies, time.Duration(100-i)*time.Millisecond)
	}
	require.InDelta(t, 50, f.PerSecond(), 1e-9)
	require.Equal(t, 51*time.Millisecond, f.Quantile(.5))
	require.Equal(t, 100*time.Millisecond, f.Quantile(.99))
	require.Equal(t, 100*time.Millisecond, f.Quantile(1))
}

func TestSide_OverAnotherIsTheMedianOfTheRounds(t *testing.T) {
	t.Parallel()
	side := func(transfers ...int) (s bench.Side) {
		for _, n := range transfers {
			s.Rounds = append(s.Rounds, bench.Figures{Took: time.Second, Latencies: make([]time.Duration, n)})
		}
		return s
	}
	require.InDelta(t, 2, side(10, 40, 90).Over(side(10, 20, 30)), 1e-9)
}
