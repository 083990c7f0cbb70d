package auth_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/shared/config"
)

func TestConfig_TransactionURL_NamesAnAddressOrASource(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://transaction.pay.example/prefix/", "http://10.0.0.1:8001,http://10.0.0.2:8001", "dns://transaction-headless:8001",
		"dns+srv://_internal._tcp.transaction-headless", "cloudmap://pay/transaction?port=8001",
	} {
		_, err := config.Load[auth.Config](append(environment(), "TRANSACTION_URL="+address))
		require.NoError(t, err, address)
	}
	_, err := config.Load[auth.Config](append(environment(), "TRANSACTION_URL=dns://transaction", "TRANSACTION_CLIENT_FAILURE_RATE_THRESHOLD=0",
		"TRANSACTION_CLIENT_EJECT_FOR=0s", "MAIL_POLL=0s"))
	for _, want := range []string{
		"TRANSACTION_URL: must be dns://name:port", "TRANSACTION_CLIENT_FAILURE_RATE_THRESHOLD: ", "TRANSACTION_CLIENT_EJECT_FOR: ", "MAIL_POLL",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestDeleteMe_AnInstanceOfTransactionIsDead_AnotherIsAsked(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *auth.Config) { c.TransactionURL = "http://127.0.0.1:1," + c.TransactionURL })
	for _, who := range []string{"ann@example.com", "bob@example.com", "eve@example.com"} {
		access, _ := s.person(who)
		require.Equal(t, http.StatusNoContent, s.call("DELETE", "/auth/me", access, nil).Status)
	}
	require.Len(t, s.wallets.asked, 3)
	require.Contains(t, s.wallets.asked[0], "Bearer "+internalToken)
	require.Contains(t, s.logs.String(), "instance ejected")
}

func TestNew_CallsTransactionAsItsSettingsSay(t *testing.T) {
	t.Parallel()
	s := setup(t, func(c *auth.Config) { c.TransactionClient.Attempts, c.TransactionClient.OpenFor = 1, time.Hour })
	access, _ := s.person("ann@example.com")
	s.wallets.status.Store(http.StatusBadGateway)
	for range 12 {
		requireProblem(t, s.call("DELETE", "/auth/me", access, nil), http.StatusServiceUnavailable, "unavailable")
	}
	require.Len(t, s.wallets.asked, 10, "each was one try, and after ten the breaker opened")
}

func TestNew_CloudMapWithoutARegion_IsRefused(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	cfg, err := config.Load[auth.Config](append(environment("LOCAL_MODE=true", "MAIL_DIR="+t.TempDir()), "TRANSACTION_URL=cloudmap://pay/transaction"))
	require.NoError(t, err)
	_, err = auth.New(t.Context(), cfg, auth.Deps{Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "AWS_REGION")
}
