package cli

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/micropay/micropay/micropay/home"
	"github.com/micropay/micropay/micropay/serve"
)

// beside is how a command finds the database of a platform that may be running.
type beside struct{ data, url string }

func (b *beside) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&b.data, "data", "", "directory of the platform (default .micropay, or MICROPAY_DATA)")
	cmd.PersistentFlags().StringVar(&b.url, "database-url", "", "look at this database instead, as somebody who may read it")
}

// borrow opens the database until it is given back by Stop.
func (c command) borrow(ctx context.Context, b beside) (serve.Config, *home.Database, error) {
	environ := c.environ
	if b.url != "" {
		environ = append(slices.Clip(environ), "DATABASE_URL="+b.url)
	}
	set, err := command{environ, io.Discard, c.err}.load(b.data)
	if err != nil {
		return set, nil, err
	}
	h, err := home.Open(set.Data)
	if err != nil {
		return set, nil, err
	}
	d, err := h.Borrow(ctx, set.DatabaseOptions())
	return set, d, err
}
