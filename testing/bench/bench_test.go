package bench_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/testing/bench"
	"github.com/micropay/micropay/testing/pgtest"
)

func TestMain_ComparesAllSidesInBothPatterns(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "micropay")
	out, err := exec.Command("go", "build", "-o", program, "github.com/micropay/micropay/micropay/cmd/micropay").CombinedOutput()
	require.NoError(t, err, string(out))
	var report strings.Builder
	err = bench.Main(t.Context(), bench.Options{Program: program, Wallets: 40, Rounds: 1, Seconds: 3}, &report)
	if errors.Is(err, bench.ErrNoPgbench) {
		t.Skip(err)
	}
	require.NoError(t, err)
	for _, pattern := range []string{"spread", "one hot wallet"} {
		for _, side := range []string{"SQL, one statement", "SQL, statements", "REST"} {
			require.Regexp(t, pattern+`\s+`+side+`\s+[1-9]\d*\s`, report.String())
		}
	}
}

// What is counted is what the ledger has, and nothing else.
func TestREST_CountsTheTransfersThatAreThere(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	c, err := serve.Load([]string{
		"DATABASE_URL=" + server.AdminDSN(), "MICROPAY_DATA=" + t.TempDir(), "LISTEN_ADDR=127.0.0.1:0", "INTERNAL_ADDR=127.0.0.1:0",
		"ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "RATE_LIMIT=0", "DRAIN_DELAY=10ms",
	})
	require.NoError(t, err)
	platform, err := serve.Start(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, platform.Stop()) })
	r := &bench.REST{URL: platform.URL, Wallets: 8, People: 4, Connections: 4}
	require.NoError(t, r.Prepare(t.Context()))
	sent := 0
	for _, pattern := range []bench.Pattern{bench.Spread, bench.Hot} {
		f, err := r.Run(t.Context(), pattern, 1)
		require.NoError(t, err)
		require.NotEmpty(t, f.Latencies)
		require.GreaterOrEqual(t, f.Took, time.Second)
		sent += len(f.Latencies)
	}
	db, err := database.Open(t.Context(), database.Config{DSN: server.AdminDSN(), MaxOpen: 1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	var kept int
	require.NoError(t, db.Get(&kept, `SELECT count(*) FROM transaction.transfer WHERE kind = 'transfer'`))
	require.Equal(t, sent, kept)

	unprepared := &bench.REST{URL: platform.URL + "/nowhere", Wallets: 2, People: 1, Connections: 1}
	require.ErrorContains(t, unprepared.Prepare(t.Context()), "/auth/register: 404")
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
