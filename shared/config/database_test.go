package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/config"
)

type service struct {
	config.Database
	Pointer *bounded
	hidden  bounded
}

var rds = []string{"RDS_HOST=db.example", "RDS_NAME=pay", "RDS_USER=me", "RDS_PASS=p@ss/w:rd?"}

func TestDatabase_DSN_IsMadeOfTheRDSVariables(t *testing.T) {
	t.Parallel()
	got, err := config.Load[service](rds)
	require.NoError(t, err)
	require.False(t, got.hidden.Limit != 0)
	u, err := url.Parse(got.DSN())
	require.NoError(t, err)
	require.Equal(t, "db.example:5432", u.Host)
	require.Equal(t, "/pay", u.Path)
	password, _ := u.User.Password()
	require.Equal(t, "p@ss/w:rd?", password, "no character of a password may change the address")
	require.Equal(t, "require", u.Query().Get("sslmode"), "a remote database is spoken to over TLS")
	require.True(t, got.Configured())
}

func TestDatabase_DSN_URLWins(t *testing.T) {
	t.Parallel()
	got, err := config.Load[service](append([]string{"DATABASE_URL=postgres://u:secret@h/d", "RDS_SSLMODE=disable"}, rds...))
	require.NoError(t, err)
	require.Equal(t, "postgres://u:secret@h/d", got.DSN())
	require.Equal(t, 16, got.MaxOpen)
	require.Equal(t, 5*time.Second, got.StatementTimeout)
}

func TestDatabase_NothingConfigured_HasNoDSN(t *testing.T) {
	t.Parallel()
	got, err := config.Load[service](nil)
	require.NoError(t, err)
	require.Empty(t, got.DSN())
	require.False(t, got.Configured())
}

func TestDatabase_Validate_ReportsAllMistakesOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load[service]([]string{
		"RDS_HOST=h", "RDS_PORT=99999", "RDS_SSLMODE=maybe", "DATABASE_MAX_OPEN_CONNS=0", "DATABASE_LOCK_TIMEOUT=-1s",
	})
	for _, want := range []string{
		"RDS_NAME: is required with RDS_HOST", "RDS_USER: is required with RDS_HOST", "RDS_PASS: is required with RDS_HOST",
		"RDS_PORT: ", "RDS_SSLMODE: ", "DATABASE_MAX_OPEN_CONNS: ", "DATABASE_LOCK_TIMEOUT: ",
	} {
		require.ErrorContains(t, err, want)
		require.Equal(t, 1, strings.Count(err.Error(), want), want)
	}
}

func TestDatabase_Validate_RefusesAnAddressThatIsNone(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"mysql://u:hunter2@h/d", "postgres://u:hunter2@h:port/d", "hunter2", "postgres:///d"} {
		_, err := config.Load[service]([]string{"DATABASE_URL=" + raw})
		require.ErrorContains(t, err, "DATABASE_URL: ", raw)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestDatabase_RDSWithoutHost_IsRefused(t *testing.T) {
	t.Parallel()
	_, err := config.Load[service]([]string{"RDS_PASS=x"})
	require.ErrorContains(t, err, "RDS_HOST: is required", "a half-configured database must not fall back to the embedded one")
}

func TestSecret_IsNeverShown(t *testing.T) {
	t.Parallel()
	got, err := config.Load[service](append([]string{"DATABASE_URL=postgres://u:hunter2@h/d"}, rds...))
	require.NoError(t, err)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", got, "url", got.URL)
	encoded, err := json.Marshal(got)
	require.NoError(t, err)
	shown := fmt.Sprintf("%v %+v %#v %s %q", got, got, got, got.URL, got.URL) + logged.String() + string(encoded)
	require.NotContains(t, shown, "hunter2")
	require.NotContains(t, shown, "p@ss")
	require.Contains(t, shown, "[redacted]")
	require.Empty(t, config.Secret("").String(), "that none is set may be seen")
	require.Equal(t, "postgres://u:hunter2@h/d", got.URL.Reveal())
}
