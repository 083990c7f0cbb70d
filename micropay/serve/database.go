package serve

import (
	"context"
	"errors"
	"fmt"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/micropay/home"
	"github.com/micropay/micropay/shared/config"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/transaction"
)

// addresses are those by which the two services connect.
type addresses struct{ auth, transaction config.Secret }

// DatabaseOptions say where the database comes from.
func (c Config) DatabaseOptions() home.Options {
	o := home.Options{RepositoryURL: c.PostgresRepository, Log: c.Log}
	if !c.ownDatabase {
		o.URL = c.Auth.Database.DSN()
	}
	return o
}

// prepare makes both services' roles and schemas and brings them up to date. Any number of
// processes may do it at once.
func prepare(ctx context.Context, h *home.Home, admin string) (addresses, error) {
	var a addresses
	for _, s := range []struct {
		name    string
		migrate func(context.Context, string) error
		app     *config.Secret
	}{
		{auth.Schema, auth.Migrate, &a.auth}, {transaction.Schema, transaction.Migrate, &a.transaction},
	} {
		roles, err := database.Provision(ctx, admin, database.Service{
			Name: s.name, OwnerPassword: h.Secret("database owner of " + s.name), Password: h.Secret("database of " + s.name),
		})
		if err != nil {
			return a, err
		}
		if err := s.migrate(ctx, roles.Owner); err != nil {
			return a, err
		}
		*s.app = config.Secret(roles.App)
	}
	return a, nil
}

// Migrate makes roles and schemas, brings them up to date, and ends. It says which database it was.
func Migrate(ctx context.Context, c Config) (how string, err error) {
	c = c.quiet()
	h, err := home.Open(c.Data)
	if err != nil {
		return "", err
	}
	d, err := h.Borrow(ctx, c.DatabaseOptions())
	if err != nil {
		return "", err
	}
	_, err = prepare(ctx, h, d.DSN)
	if err = errors.Join(err, d.Stop(context.WithoutCancel(ctx))); err != nil {
		return "", fmt.Errorf("migrate: %w", err)
	}
	return d.How, nil
}
