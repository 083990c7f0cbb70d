package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func wallet(t *testing.T) domain.Wallet {
	t.Helper()
	w, err := domain.NewWallet("w1", "alice", "USD", "Travel")
	require.NoError(t, err)
	return w
}

func TestNewWallet_StartsActiveAndEmpty(t *testing.T) {
	t.Parallel()
	require.Equal(t, domain.Wallet{
		ID: "w1", Owner: "alice", Name: "Travel", Status: domain.Active, Balance: usd(0), Held: usd(0),
	}, wallet(t))
}

func TestWallet_Available_IsWhatIsNotHeld(t *testing.T) {
	t.Parallel()
	w := wallet(t)
	w.Balance, w.Held = usd(100), usd(30)
	require.Equal(t, usd(70), w.Available())
}

func TestNewWallet_RefusesNameOutOfBounds(t *testing.T) {
	t.Parallel()
	_, err := domain.NewWallet("w1", "alice", "USD", strings.Repeat("ü", domain.MaxNameLength))
	require.NoError(t, err, "characters count, not bytes")

	for name, code := range map[string]string{
		"": "required", "  ": "required", strings.Repeat("x", domain.MaxNameLength+1): "too_long", "a\x00b": "forbidden_character",
	} {
		_, err := domain.NewWallet("w1", "alice", "USD", name)
		var invalid domain.Invalid
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, "name", invalid[0].Field)
		require.Equal(t, code, invalid[0].Code)
	}
}

func TestWallet_Rename_KeepsOldNameWhenRefused(t *testing.T) {
	t.Parallel()
	w := wallet(t)
	require.NoError(t, w.Rename("Holiday"))
	require.Equal(t, "Holiday", w.Name)
	require.Error(t, w.Rename(""))
	require.Equal(t, "Holiday", w.Name)
}

func TestWallet_FreezeAndUnfreeze(t *testing.T) {
	t.Parallel()
	w := wallet(t)
	require.NoError(t, w.SetStatus(domain.Frozen))
	require.Equal(t, domain.Frozen, w.Status)
	require.NoError(t, w.SetStatus(domain.Active))
	require.Equal(t, domain.Active, w.Status)

	var invalid domain.Invalid
	require.ErrorAs(t, w.SetStatus("closed"), &invalid, "closing has a rule of its own")
	require.Equal(t, "status", invalid[0].Field)
	require.Equal(t, domain.Active, w.Status)
}

func TestWallet_Close_OnlyAtZeroAndForGood(t *testing.T) {
	t.Parallel()
	w := wallet(t)
	w.Balance.Amount = 1
	require.ErrorIs(t, w.Close(), domain.ErrWalletNotEmpty)
	require.Equal(t, domain.Active, w.Status)

	w.Balance.Amount = 0
	require.NoError(t, w.Close())
	require.Equal(t, domain.Closed, w.Status)
	require.NoError(t, w.Close(), "closing twice is closing once")
	require.ErrorIs(t, w.Rename("again"), domain.ErrWalletClosed)
	require.ErrorIs(t, w.SetStatus(domain.Active), domain.ErrWalletClosed)
}
