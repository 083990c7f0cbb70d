package cli_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/cli"
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/testing/contract/transactionports"
	"github.com/micropay/micropay/testing/pgtest"
	"github.com/micropay/micropay/testing/pspsim"
	"github.com/micropay/micropay/transaction"
	"github.com/micropay/micropay/transaction/adapters/stripe"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/migrations"
)

func TestReconcile_TellsWhatDiffers_ByExitStatusTableAndCSV(t *testing.T) {
	t.Parallel()
	side := pspsim.New(t).Stripe
	db := pgtest.New(t, pgtest.Schema{Name: transaction.Schema, FS: migrations.FS})
	run := func(args ...string) (int, string, string) {
		var out, trouble bytes.Buffer
		status := cli.Run(t.Context(), append([]string{"reconcile", "--data", t.TempDir(), "--database-url", db.AdminDSN}, args...), []string{
			"STRIPE_KEY=" + pspsim.StripeKey, "STRIPE_WEBHOOK_SECRET=x", "STRIPE_URL=" + side.URL(),
		}, &out, &trouble)
		return status, out.String(), trouble.String()
	}
	today, yesterday := time.Now().UTC().Format(time.DateOnly), time.Now().UTC().Add(-48*time.Hour).Format(time.DateOnly)

	// What the provider took and we know nothing of.
	p, err := domain.NewTopUp("019c5a00-0000-7000-8000-000000000001", "o", "w", "stripe", money.Money{Amount: 4200, Currency: "USD"})
	require.NoError(t, err)
	_, err = stripe.New(stripe.Config{Key: pspsim.StripeKey, URL: side.URL(), HTTP: transactionports.ProviderClient("stripe", "")}).Start(t.Context(), p)
	require.NoError(t, err)
	status, out, _ := run("--provider", "stripe", "--date", today)
	require.Equal(t, 0, status, "nothing was paid")
	require.Contains(t, out, "0 differences")
	require.NoError(t, side.Pay(string(p.ID)))

	status, out, trouble := run("--provider", "stripe", "--date", today)
	require.Equal(t, 1, status)
	require.Contains(t, out, "missing_here")
	require.Contains(t, out, "42.00 USD")
	require.Contains(t, trouble, "1 differences")

	status, out, _ = run("--provider", "stripe", "--date", today, "--format", "csv")
	require.Equal(t, 1, status)
	rows, err := csv.NewReader(bytes.NewBufferString(out)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, "missing_here", rows[1][0])

	status, out, _ = run("--provider", "stripe", "--date", today, "--format", "json")
	require.Equal(t, 1, status)
	var report struct {
		Differences []map[string]any `json:"differences"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Len(t, report.Differences, 1)

	status, _, _ = run("--provider", "stripe", "--date", yesterday)
	require.Equal(t, 0, status)
	for name, args := range map[string][]string{
		"unknown provider": {"--provider", "piggybank", "--date", today}, "no day": {"--provider", "stripe", "--date", "yesterday"},
		"no provider": {"--date", today}, "odd format": {"--provider", "stripe", "--date", today, "--format", "odd"},
		"the future": {"--provider", "stripe", "--date", "2999-01-01"},
	} {
		status, _, trouble := run(args...)
		require.Equal(t, 2, status, name)
		require.NotEmpty(t, trouble)
	}
	side.Down()
	status, _, _ = run("--provider", "stripe", "--date", today)
	require.Equal(t, 2, status, "it could not be looked at")
}
