package database

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Service names what Provision makes: the schema Name, the role micropay_<Name>_owner, which
// owns it and runs the migrations, and micropay_<Name>, which the running service connects as.
// An empty password is replaced by a random one, a new one each time.
type Service struct {
	Name                    string // [a-z][a-z0-9_]*, at most 40 characters
	OwnerPassword, Password string
}

// Roles are the addresses by which the two roles connect.
type Roles struct{ Owner, App string }

// AppRole is the name of the role that a running service connects as.
func (s Service) AppRole() string { return "micropay_" + s.Name }

// OwnerRole is the name of the role that owns a service's schema.
func (s Service) OwnerRole() string { return s.AppRole() + "_owner" }

var serviceName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Provision makes, or brings up to date, a service's schema and roles in the database of
// adminDSN, an URL. It may run any number of times, also at once.
//
// The app role may use the schema, and in it do exactly what the migrations GRANT it. Neither
// role gets at another service's schema, nor makes anything in the schema public. The admin need
// not be a superuser: CREATEROLE and owning the database are enough.
func Provision(ctx context.Context, adminDSN string, s Service) (Roles, error) {
	return s.prepare(ctx, adminDSN, Service.provision)
}

// ProvisionRoles makes, or brings up to date, a service's roles and nothing else: they belong to the
// server, not to a database, so a database that is restored from a dump needs them before.
func ProvisionRoles(ctx context.Context, adminDSN string, s Service) error {
	_, err := s.prepare(ctx, adminDSN, Service.roles)
	return err
}

func (s Service) prepare(ctx context.Context, adminDSN string, do func(Service, context.Context, *sqlx.Tx) error) (Roles, error) {
	if !serviceName.MatchString(s.Name) {
		return Roles{}, fmt.Errorf("database: provision: %q is not a name of a service", s.Name)
	}
	u, err := url.Parse(adminDSN)
	if err != nil || u.Host == "" {
		return Roles{}, errors.New("database: provision: the admin's address is not an URL")
	}
	orDefault(&s.OwnerPassword, rand.Text())
	orDefault(&s.Password, rand.Text())

	db, err := Open(ctx, Config{DSN: adminDSN, ApplicationName: "micropay provision", MaxOpen: 1, LockTimeout: 30 * time.Second, StatementTimeout: 30 * time.Second})
	if err != nil {
		return Roles{}, err
	}
	defer func() { _ = db.Close() }()
	// Somebody may make the same role from another database of the server, where our lock does not
	// count, or migrate the schema meanwhile.
	err = again(ctx, func() error {
		return InTx(ctx, db, nil, func(tx *sqlx.Tx) error { return do(s, ctx, tx) })
	}, uniqueViolation, duplicateObject, tupleConcurrentlyUpdated)
	if err != nil {
		return Roles{}, fmt.Errorf("database: provision %s: %w", s.Name, err)
	}
	return Roles{Owner: as(*u, s.OwnerRole(), s.OwnerPassword), App: as(*u, s.AppRole(), s.Password)}, nil
}

// again does it up to 20 times while it ends with one of these SQLSTATEs.
func again(ctx context.Context, do func() error, states ...string) error {
	for try := 1; ; try++ {
		err := do()
		if e := pq.As(err); e == nil || !slices.Contains(states, e.SQLState()) || try == 20 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * 5 * time.Millisecond):
		}
	}
}

func (s Service) roles(ctx context.Context, tx *sqlx.Tx) error {
	const lock = 0x6d6963726f706179 // "micropay"
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lock)); err != nil {
		return err
	}
	for role, password := range map[string]string{s.OwnerRole(): s.OwnerPassword, s.AppRole(): s.Password} {
		if err := s.role(ctx, tx, role, password); err != nil {
			return err
		}
	}
	return nil
}

func (s Service) provision(ctx context.Context, tx *sqlx.Tx) error {
	if err := s.roles(ctx, tx); err != nil {
		return err
	}
	var database string
	if err := tx.GetContext(ctx, &database, "SELECT current_database()"); err != nil {
		return err
	}
	schema, db := pq.QuoteIdentifier(s.Name), pq.QuoteIdentifier(database)
	app, owner := pq.QuoteIdentifier(s.AppRole()), pq.QuoteIdentifier(s.OwnerRole())
	for _, query := range []string{
		"REVOKE CREATE, TEMPORARY ON DATABASE " + db + " FROM PUBLIC",
		"REVOKE ALL ON SCHEMA public FROM PUBLIC",
		"GRANT CONNECT ON DATABASE " + db + " TO " + owner + ", " + app,
		"CREATE SCHEMA IF NOT EXISTS " + schema,
		"ALTER SCHEMA " + schema + " OWNER TO " + owner,
		"REVOKE ALL ON SCHEMA " + schema + " FROM PUBLIC",
		"GRANT USAGE ON SCHEMA " + schema + " TO " + app,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return nil
}

// role makes a role that may log in and nothing else, and looks into its service's schema.
func (s Service) role(ctx context.Context, tx *sqlx.Tx, name, password string) error {
	var exists bool
	if err := tx.GetContext(ctx, &exists, "SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)", name); err != nil {
		return err
	}
	quoted := pq.QuoteIdentifier(name)
	if !exists {
		if _, err := tx.ExecContext(ctx, "CREATE ROLE "+quoted); err != nil {
			return fmt.Errorf("create role %s: %w", name, err)
		}
	}
	secret, err := verifier(password)
	if err != nil {
		return err
	}
	queries := []string{
		"ALTER ROLE " + quoted + " LOGIN PASSWORD " + pq.QuoteLiteral(secret),
		"ALTER ROLE " + quoted + " SET search_path = " + pq.QuoteIdentifier(s.Name),
	}
	// Who is no superuser must be a member of the owner to give it a schema.
	if name == s.OwnerRole() {
		var member bool
		if err := tx.GetContext(ctx, &member, "SELECT pg_has_role(current_user, $1, 'MEMBER')", name); err != nil {
			return err
		}
		if !member {
			queries = append(queries, "GRANT "+quoted+" TO CURRENT_USER")
		}
	}
	for _, query := range queries {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("role %s: %w", name, err)
		}
	}
	return nil
}

func as(u url.URL, user, password string) string {
	u.User = url.UserPassword(user, password)
	return u.String()
}
