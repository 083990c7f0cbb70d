package process

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/micropay/micropay/shared/build"
)

// Aside does what can be asked of a program beside serving, and without its configuration:
//
//	--version              say which build it is
//	healthcheck [ready]    ask the one that listens on addr whether it lives, or is ready
//
// It reports false for every other command. Errors: the probe's answer was not a good one.
func Aside(ctx context.Context, program string, args []string, addr string, out io.Writer) (done bool, err error) {
	switch {
	case len(args) == 1 && (args[0] == "--version" || args[0] == "version"):
		_, err = fmt.Fprintln(out, build.Line(program))
	case len(args) == 1 && args[0] == "healthcheck":
		err = Ask(ctx, addr, "/livez")
	case len(args) == 2 && args[0] == "healthcheck" && args[1] == "ready":
		err = Ask(ctx, addr, "/readyz")
	case len(args) > 0 && args[0] == "healthcheck":
		err = errors.New("healthcheck takes no other word than ready")
	default:
		return false, nil
	}
	return true, err
}
