package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/config"
)

type bounded struct {
	Limit int `env:"LIMIT" envDefault:"5"`
}

func (b bounded) Validate() error {
	if b.Limit > 10 {
		return errors.New("LIMIT: at most 10")
	}
	return nil
}

type sample struct {
	Name    string        `env:"NAME,required"`
	Key     config.Secret `env:"KEY,required"`
	Port    int           `env:"PORT" envDefault:"8000"`
	Timeout time.Duration `env:"TIMEOUT" envDefault:"2s"`
	List    []string      `env:"LIST"`
	Bounds  bounded
	Nested  struct {
		Port int `env:"PORT"`
	} `envPrefix:"OTHER_"`
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "value")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestLoad_ReadsValuesAndDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.Load[sample]([]string{"NAME=a=b", "KEY=k", "LIST=x,y", "OTHER_PORT=7", "PORT=", "nonsense"})
	require.NoError(t, err)
	require.Equal(t, "a=b", got.Name, "only the first = divides name from value")
	require.Equal(t, "k", got.Key.Reveal())
	require.Equal(t, 8000, got.Port, "an empty variable counts as not set")
	require.Equal(t, 2*time.Second, got.Timeout)
	require.Equal(t, []string{"x", "y"}, got.List)
	require.Equal(t, 7, got.Nested.Port)
	require.Equal(t, 5, got.Bounds.Limit)
}

func TestLoad_ReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load[sample]([]string{
		"PORT=hunter2", "OTHER_PORT=hunter2", "TIMEOUT=hunter2", "LIMIT=11", "KEY_FILE=/does/not/exist",
	})
	require.Error(t, err)
	for _, want := range []string{
		"NAME: is required", "PORT: is not a valid int", "OTHER_PORT: is not a valid int",
		"TIMEOUT: is not a valid time.Duration", "KEY_FILE: ", "LIMIT: at most 10",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "hunter2", "a value may be a secret: it is never printed")
	require.NotContains(t, err.Error(), "KEY: is required", "an unreadable file is one mistake, not two")
}

func TestLoad_EveryVariableHasAFileTwin(t *testing.T) {
	t.Parallel()
	got, err := config.Load[sample]([]string{"NAME=n", "KEY_FILE=" + file(t, "s3cret\r\n"), "PORT_FILE=" + file(t, "9")})
	require.NoError(t, err)
	require.Equal(t, "s3cret", got.Key.Reveal(), "the line end of the file is no part of the value")
	require.Equal(t, 9, got.Port)
}

func TestLoad_FileTwin_Refused(t *testing.T) {
	t.Parallel()
	big := file(t, string(make([]byte, config.MaxFileBytes+1)))
	for name, tt := range map[string]struct {
		environ []string
		want    string
	}{
		"both given": {[]string{"KEY=a", "KEY_FILE=" + file(t, "b")}, "KEY and KEY_FILE: give only one"},
		"empty file": {[]string{"KEY_FILE=" + file(t, "\n")}, "KEY_FILE: the file is empty"},
		"too large":  {[]string{"KEY_FILE=" + big}, "KEY_FILE: the file is larger than"},
		"a folder":   {[]string{"KEY_FILE=" + filepath.Dir(big)}, "KEY_FILE: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load[sample](append(tt.environ, "NAME=n"))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestLoad_AVariableNamedFileIsNotATwin(t *testing.T) {
	t.Parallel()
	type own struct {
		Key     string `env:"KEY"`
		KeyFile string `env:"KEY_FILE"`
	}
	got, err := config.Load[own]([]string{"KEY_FILE=/does/not/exist"})
	require.NoError(t, err)
	require.Equal(t, own{KeyFile: "/does/not/exist"}, got)
}

func TestLoad_RefusesWhatIsNotAStruct(t *testing.T) {
	t.Parallel()
	_, err := config.Load[int](nil)
	require.Error(t, err)
}

func TestLoad_ChecksTheWholeAsWellAsItsParts(t *testing.T) {
	t.Parallel()
	_, err := config.Load[bounded]([]string{"LIMIT=11"})
	require.EqualError(t, err, "configuration:\n  LIMIT: at most 10")
}
