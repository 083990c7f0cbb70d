package transaction_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/testing/tokens"
	"github.com/micropay/micropay/transaction"
)

func environment(more ...string) []string {
	return append([]string{
		"DATABASE_URL=postgres://u:p@127.0.0.1:1/x", "AUTH_ISSUER=https://pay.example", "INTERNAL_TOKEN=0123456789abcdef", "PAYMENT_SANDBOX=true",
	}, more...)
}

func TestConfig_AuthURL_NamesAnAddressOrASource(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://auth.pay.example/prefix/", "http://10.0.0.1:8001,http://10.0.0.2:8001", "dns://auth-headless:8001",
		"dns+srv://_internal._tcp.auth-headless", "cloudmap://pay/auth?port=8001",
	} {
		_, err := config.Load[transaction.Config](environment("AUTH_URL=" + address))
		require.NoError(t, err, address)
	}
	_, err := config.Load[transaction.Config](environment("AUTH_URL=dns://auth", "AUTH_CLIENT_FAILURE_RATE_THRESHOLD=0", "AUTH_CLIENT_EJECT_FOR=0s", "HOLD_TTL=0s"))
	for _, want := range []string{"AUTH_URL: must be dns://name:port", "AUTH_CLIENT_FAILURE_RATE_THRESHOLD: ", "AUTH_CLIENT_EJECT_FOR: ", "HOLD_TTL"} {
		require.ErrorContains(t, err, want)
	}
}

func TestTransfer_AnInstanceOfAuthIsDead_AnotherIsAsked(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.config.AuthURL = "http://127.0.0.1:1," + p.config.AuthURL
	p.start()
	alice, bob := p.person(), p.person()
	p.auth.people.Store(&map[string]string{"bob@example.com": bob.id})
	from := alice.wallet("USD", 100)
	for n := range 4 {
		body := fmt.Sprintf(`{"from_wallet_id":%q,"to_email":"bob@example.com","amount":10,"currency":"USD"}`, from)
		require.Equal(t, 201, alice.call(http.MethodPost, "/transfers", body, "Idempotency-Key", fmt.Sprint(n)).Status)
	}
	require.Equal(t, 60, alice.balance(from))
}

func TestNew_CallsAuthAsItsSettingsSay(t *testing.T) {
	t.Parallel()
	p := setup(t, "AUTH_CLIENT_WAIT_DURATION_IN_OPEN_STATE=1h", "REVOCATION_POLL=1h")
	alice := p.person()
	from := alice.wallet("USD", 100)
	body := fmt.Sprintf(`{"from_wallet_id":%q,"to_email":"bob@example.com","amount":10,"currency":"USD"}`, from)
	p.auth.down.Store(true)
	for n := range 12 {
		require.Equal(t, 503, alice.call(http.MethodPost, "/transfers", body, "Idempotency-Key", fmt.Sprint(n)).Status)
	}
	asked := p.auth.asked.Load()
	require.Equal(t, 503, alice.call(http.MethodPost, "/transfers", body, "Idempotency-Key", "12").Status)
	require.Equal(t, asked, p.auth.asked.Load(), "the breaker is open")
	p.auth.down.Store(false)
	require.Equal(t, 503, alice.call(http.MethodPost, "/transfers", body, "Idempotency-Key", "k").Status, "the breaker stays open as long as it was told")
	require.Equal(t, 100, alice.balance(from))
}

func TestNew_CloudMapWithoutARegion_IsRefused(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	cfg, err := config.Load[transaction.Config](environment("AUTH_URL=cloudmap://pay/auth", "AUTH_CLIENT_ID="+tokens.ClientID))
	require.NoError(t, err)
	_, err = transaction.New(t.Context(), cfg, transaction.Deps{Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "AWS_REGION")
}
