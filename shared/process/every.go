package process

import (
	"context"
	"log/slog"
	"time"
)

// Every calls work now and then again after each pause, until ctx ends. The same trouble is logged
// once until it is over: a neighbour that is away for an hour is one line, not thousands.
func Every(ctx context.Context, log *slog.Logger, pause time.Duration, trouble string, work func(context.Context) error) {
	last := ""
	for {
		err := work(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != last:
			log.WarnContext(ctx, trouble, "error", err.Error())
			last = err.Error()
		case err == nil && last != "":
			log.InfoContext(ctx, "over: "+trouble)
			last = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
