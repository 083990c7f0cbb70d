package trouble_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/trouble"
)

func TestLine_IsLoggedOnceOfAKind_UntilItIsOver(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log, line := slog.New(slog.NewTextHandler(&b, nil)), trouble.Line{}
	hear := func(err error) { line.Heard(t.Context(), log, "queue not read", err, "consumer", "auth") }
	hear(nil)
	require.Empty(t, b.String())
	for n := range 10 {
		hear(fmt.Errorf("RequestID: a%d-bc, timeout after %d\nand %d more", n, n, n))
		hear(errors.New("connection refused"))
	}
	require.Equal(t, 2, strings.Count(b.String(), "level=WARN"), b.String())
	require.Contains(t, b.String(), "consumer=auth")
	hear(nil)
	hear(nil)
	require.Equal(t, 1, strings.Count(b.String(), `msg="over: queue not read"`))
	for kind := range 10 {
		hear(errors.New(strings.Repeat("x", kind)))
	}
	require.Equal(t, 6, strings.Count(b.String(), "level=WARN"), "an outage has few lines")
}
