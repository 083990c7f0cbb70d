package serve

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

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

// passwords says what the roles of a service log in with: always the same, since any number of
// processes may prepare a database at once.
type passwords func(service string) (owner, app string)

// ofHome are the passwords of a platform that keeps a secret of its own.
func ofHome(h *home.Home) passwords {
	return func(service string) (owner, app string) {
		return h.Secret("database owner of " + service), h.Secret("database of " + service)
	}
}

// fromOutside are the given passwords of the services. Nobody is told those of the schemas' owners:
// they come from the administrator's, who may do all that owners may.
func (c Config) fromOutside(admin string) (passwords, error) {
	u, err := url.Parse(admin)
	if err != nil {
		return nil, errors.New("DATABASE_URL: is not an URL")
	}
	secret, ok := u.User.Password()
	if !ok {
		return nil, errors.New("DATABASE_URL: needs the administrator's password with AUTH_DB_PASSWORD")
	}
	given := map[string]config.Secret{auth.Schema: c.AuthPassword, transaction.Schema: c.TransactionPassword}
	return func(service string) (owner, app string) {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("database owner of " + service))
		return hex.EncodeToString(mac.Sum(nil)), given[service].Reveal()
	}, nil
}

// passwordMistakes reports passwords that are not enough to migrate with.
func (c Config) passwordMistakes(ownDatabase bool) error {
	if c.AuthPassword == "" && c.TransactionPassword == "" {
		return nil
	}
	var errs []error
	if c.AuthPassword == "" {
		errs = append(errs, errors.New("AUTH_DB_PASSWORD: is required with TRANSACTION_DB_PASSWORD"))
	}
	if c.TransactionPassword == "" {
		errs = append(errs, errors.New("TRANSACTION_DB_PASSWORD: is required with AUTH_DB_PASSWORD"))
	}
	if ownDatabase {
		errs = append(errs, errors.New("DATABASE_URL: is required with AUTH_DB_PASSWORD and TRANSACTION_DB_PASSWORD, as the administrator's"))
	}
	return errors.Join(errs...)
}

// prepare makes both services' roles and schemas and brings them up to date. Any number of
// processes may do it at once.
func prepare(ctx context.Context, admin string, of passwords) (addresses, error) {
	var a addresses
	for _, s := range []struct {
		name    string
		migrate func(context.Context, string) error
		app     *config.Secret
	}{
		{auth.Schema, auth.Migrate, &a.auth}, {transaction.Schema, transaction.Migrate, &a.transaction},
	} {
		owner, app := of(s.name)
		roles, err := database.Provision(ctx, admin, database.Service{Name: s.name, OwnerPassword: owner, Password: app})
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
	if c.AuthPassword != "" {
		return c.migrateGiven(ctx)
	}
	h, err := home.Open(c.Data)
	if err != nil {
		return "", err
	}
	d, err := h.Borrow(ctx, c.DatabaseOptions())
	if err != nil {
		return "", err
	}
	_, err = prepare(ctx, d.DSN, ofHome(h))
	if err = errors.Join(err, d.Stop(context.WithoutCancel(ctx))); err != nil {
		return "", fmt.Errorf("migrate: %w", err)
	}
	return d.How, nil
}

// migrateGiven migrates the given database for services that run apart.
func (c Config) migrateGiven(ctx context.Context) (how string, err error) {
	admin := c.Auth.Database.DSN()
	given, err := c.fromOutside(admin)
	if err == nil {
		_, err = prepare(ctx, admin, given)
	}
	if err != nil {
		return "", fmt.Errorf("migrate: %w", err)
	}
	return "the given database, with the given passwords", nil
}
