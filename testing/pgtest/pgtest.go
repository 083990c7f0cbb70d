// Package pgtest gives each test a private, migrated PostgreSQL database.
//
//	db := pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS})
//	repo := postgres.NewUsers(db.App) // connected as the running service is: no more rights than it
//
// The first New of a test binary starts a server, says on standard error which, and migrates a
// template database; each New after that is a copy of the template and takes tens of
// milliseconds. MICROPAY_TEST_POSTGRES chooses the server:
//
//	auto    (default) docker if an engine answers and has or can pull the image, else local
//	docker  testcontainers, postgres:17-alpine
//	local   the machine's own binaries, or what package pgserver can get
//	postgres://...  a server that is there already, by its superuser's address
//
// The server is shared by the tests of one binary and ends with it, however that ends.
// NewServer gives a test a server of its own, to be stopped, frozen and killed.
package pgtest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/micropay/micropay/shared/database"
)

// Schema is a service's schema and the migrations that make it.
type Schema struct {
	Name string
	FS   fs.FS
}

// DB is a database of one test. App, Owner, DSN and OwnerDSN belong to the first schema; the
// addresses of the others are in Roles, by the name of the schema.
type DB struct {
	App   *sqlx.DB // as the running service: micropay_<schema>
	Owner *sqlx.DB // as the migrations: micropay_<schema>_owner
	Admin *sqlx.DB // as the superuser: for looking behind the curtain, and for faults

	DSN, OwnerDSN, AdminDSN string
	Roles                   map[string]database.Roles
}

// New returns a new database with the given schemas, migrated. It goes when the test ends.
// Without a schema it is empty, and App and Owner are the superuser.
func New(t testing.TB, schemas ...Schema) *DB {
	t.Helper()
	h, err := sharedHost()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return h.newDB(t, schemas)
}

// AdminDSN is the superuser's address of the shared server, for a test that needs more than New
// gives it. What it makes there it has to remove.
func AdminDSN(t testing.TB) string {
	t.Helper()
	h, err := sharedHost()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return h.admin.String()
}

// host is a server to make databases on.
type host struct {
	admin *url.URL
	db    *sqlx.DB
}

func newHost(ctx context.Context, dsn string) (*host, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the server's address is not postgres://user:password@host:port/database")
	}
	db, err := database.Open(ctx, database.Config{
		DSN: dsn, ApplicationName: "pgtest", MaxOpen: 8, StatementTimeout: time.Minute, LockTimeout: -1,
	})
	if err != nil {
		return nil, err
	}
	return &host{admin: u, db: db}, nil
}

func (h *host) dsn(database string) string {
	u := *h.admin
	u.Path = "/" + database
	return u.String()
}

// prefix of the databases of tests; the hour says when an abandoned one may go.
const prefix = "pgtest_t_"

func (h *host) newDB(t testing.TB, schemas []Schema) *DB {
	t.Helper()
	// Not the test's context: that ends before its clean-up.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	template, err := h.template(ctx, schemas)
	if err != nil {
		t.Fatalf("pgtest: template: %v", err)
	}
	name := fmt.Sprintf("%s%d_%016x", prefix, time.Now().Unix()/3600, rand.Uint64())
	if _, err := h.db.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db := &DB{AdminDSN: h.dsn(name), Roles: map[string]database.Roles{}}
	t.Cleanup(func() { h.drop(t, db, name) })
	// A copy has the template's content, but not the rights on the database as a whole.
	if _, err := h.db.ExecContext(ctx, "REVOKE CREATE, TEMPORARY ON DATABASE "+name+" FROM PUBLIC"); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db.DSN, db.OwnerDSN = db.AdminDSN, db.AdminDSN
	for i, s := range schemas {
		roles := h.roles(s.Name, name)
		db.Roles[s.Name] = roles
		if i == 0 {
			db.DSN, db.OwnerDSN = roles.App, roles.Owner
		}
	}
	db.Admin, db.Owner, db.App = open(t, db.AdminDSN), open(t, db.OwnerDSN), open(t, db.DSN)
	return db
}

func (h *host) drop(t testing.TB, db *DB, name string) {
	for _, pool := range []*sqlx.DB{db.App, db.Owner, db.Admin} {
		if pool != nil {
			_ = pool.Close() // a fault test may have cut its lines
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := h.db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil && !database.IsUnavailable(err) {
		t.Errorf("pgtest: %v", err)
	}
}

func open(t testing.TB, dsn string) *sqlx.DB {
	t.Helper()
	db, err := database.Open(context.Background(), database.Config{DSN: dsn, ApplicationName: "test"})
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return db
}

// service has passwords that every test binary on this server agrees on without asking.
func (h *host) service(schema string) database.Service {
	secret, _ := h.admin.User.Password()
	password := func(role string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(role + " " + schema))
		return hex.EncodeToString(mac.Sum(nil)[:16])
	}
	return database.Service{Name: schema, OwnerPassword: password("owner"), Password: password("app")}
}

func (h *host) roles(schema, name string) database.Roles {
	s := h.service(schema)
	address := func(role, password string) string {
		u := *h.admin
		u.User, u.Path = url.UserPassword(role, password), "/"+name
		return u.String()
	}
	return database.Roles{Owner: address(s.OwnerRole(), s.OwnerPassword), App: address(s.AppRole(), s.Password)}
}

// template returns the name of a database with the schemas, made at most once per content.
func (h *host) template(ctx context.Context, schemas []Schema) (string, error) {
	sum, err := fingerprint(schemas)
	if err != nil {
		return "", err
	}
	name := "pgtest_" + hex.EncodeToString(sum[:10])
	if ready, err := h.ready(ctx, h.db, name); ready || err != nil {
		return name, err
	}
	conn, err := h.db.Connx(ctx) // other binaries may be at it too: the lock is the server's
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	const lock = "pg_advisory%slock(hashtextextended($1, 0))"
	if _, err := conn.ExecContext(ctx, "SELECT "+fmt.Sprintf(lock, "_"), name); err != nil {
		return "", err
	}
	defer func() { _, _ = conn.ExecContext(ctx, "SELECT "+fmt.Sprintf(lock, "_un"), name) }()
	if ready, err := h.ready(ctx, conn, name); ready || err != nil {
		return name, err
	}
	return name, h.make(ctx, conn, name, schemas)
}

type querier interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// ready says that a template is there, whole. The mark is set last.
func (h *host) ready(ctx context.Context, db querier, name string) (ready bool, err error) {
	err = db.GetContext(ctx, &ready, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate)", name)
	return ready, err
}

func (h *host) make(ctx context.Context, conn *sqlx.Conn, name string, schemas []Schema) error {
	for _, query := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	for _, s := range schemas {
		if _, err := database.Provision(ctx, h.dsn(name), h.service(s.Name)); err != nil {
			return err
		}
		if s.FS == nil {
			continue
		}
		if err := database.Migrate(ctx, h.roles(s.Name, name).Owner, s.Name, s.FS); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, "ALTER DATABASE "+name+" IS_TEMPLATE true ALLOW_CONNECTIONS false")
	return err
}

// fingerprint is that of all that decides what is in a template.
func fingerprint(schemas []Schema) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, s := range schemas {
		_, _ = fmt.Fprintf(h, "schema %q\n", s.Name)
		if s.FS == nil {
			continue
		}
		err := fs.WalkDir(s.FS, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			b, err := fs.ReadFile(s.FS, path)
			_, _ = fmt.Fprintf(h, "file %q %d\n%s", path, len(b), b)
			return err
		})
		if err != nil {
			return sum, fmt.Errorf("migrations of %s: %w", s.Name, err)
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// sweep drops databases that killed test runs left on a server that outlives them.
func (h *host) sweep(ctx context.Context) error {
	var names []string
	err := h.db.SelectContext(ctx, &names, "SELECT datname FROM pg_database WHERE datname LIKE $1", prefix+"%")
	if err != nil {
		return err
	}
	for _, name := range names {
		var hour int64
		if _, err := fmt.Sscanf(name, prefix+"%d_", &hour); err != nil || time.Now().Unix()/3600-hour < 24 {
			continue
		}
		_, err := h.db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+pq.QuoteIdentifier(name)+" WITH (FORCE)")
		if err != nil {
			return err
		}
	}
	return nil
}
