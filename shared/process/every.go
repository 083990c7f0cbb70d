package process

import (
	"context"
	"log/slog"
	"time"

	"github.com/micropay/micropay/shared/trouble"
)

// Every calls work now and then again after each pause, until ctx ends. The same trouble is logged
// once until it is over: a neighbour that is away for an hour is one line, not thousands.
func Every(ctx context.Context, log *slog.Logger, pause time.Duration, what string, work func(context.Context) error) {
	outage := trouble.Line{}
	for {
		err := work(ctx)
		if ctx.Err() != nil {
			return
		}
		outage.Heard(ctx, log, what, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
