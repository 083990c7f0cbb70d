package serve

import (
	"cmp"
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
// processes may prepare a database at once, each with a home of its own.
type passwords func(service string) (owner, app string)

// passwordsFor are those in the database at admin's address: the given ones, else what follows
// from the administrator's, else what the home keeps. Nobody is told those of the schemas' owners.
func (c Config) passwordsFor(admin string, secret func(purpose string) string) (passwords, error) {
	if !c.ownDatabase {
		u, err := url.Parse(admin)
		if err != nil {
			return nil, errors.New("DATABASE_URL: is not an URL")
		}
		if known, ok := u.User.Password(); ok {
			secret = following(known)
		} else if c.AuthPassword != "" {
			return nil, errors.New("DATABASE_URL: needs the administrator's password with AUTH_DB_PASSWORD")
		}
	}
	given := map[string]config.Secret{auth.Schema: c.AuthPassword, transaction.Schema: c.TransactionPassword}
	return func(service string) (owner, app string) {
		return secret("database owner of " + service), cmp.Or(given[service].Reveal(), secret("database of "+service))
	}, nil
}

// following makes secrets of another, which they do not give away.
func following(secret string) func(purpose string) string {
	return func(purpose string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(purpose))
		return hex.EncodeToString(mac.Sum(nil))
	}
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

// MakeRoles makes the services' roles in the server of DATABASE_URL, with the passwords that Migrate would
// give them, and nothing else: for a database that is about to be restored from a dump.
func MakeRoles(ctx context.Context, c Config) error {
	if c.ownDatabase {
		return errors.New("DATABASE_URL: is required to make roles: of the server that a dump is restored into")
	}
	var secret func(purpose string) string
	if c.AuthPassword == "" {
		h, err := home.Open(c.Data)
		if err != nil {
			return err
		}
		secret = h.Secret
	}
	admin := c.Auth.Database.DSN()
	of, err := c.passwordsFor(admin, secret)
	for _, name := range []string{auth.Schema, transaction.Schema} {
		if err == nil {
			owner, app := of(name)
			err = database.ProvisionRoles(ctx, admin, database.Service{Name: name, OwnerPassword: owner, Password: app})
		}
	}
	return err
}

// Migrate makes roles and schemas, brings them up to date, and ends. It says which database it was.
func Migrate(ctx context.Context, c Config) (how string, err error) {
	c = c.quiet()
	if c.AuthPassword != "" {
		return "the given database, with the given passwords", migrate(ctx, c, c.Auth.Database.DSN(), nil)
	}
	h, err := home.Open(c.Data)
	if err != nil {
		return "", err
	}
	d, err := h.Borrow(ctx, c.DatabaseOptions())
	if err != nil {
		return "", err
	}
	return d.How, errors.Join(migrate(ctx, c, d.DSN, h.Secret), d.Stop(context.WithoutCancel(ctx)))
}

func migrate(ctx context.Context, c Config, admin string, secret func(purpose string) string) error {
	of, err := c.passwordsFor(admin, secret)
	if err == nil {
		_, err = prepare(ctx, admin, of)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
