package database_test

import (
	"errors"
	"net/url"
	"sync"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/database"
)

const insufficientPrivilege = "42501"

func refused(t *testing.T, dsn, query string) {
	t.Helper()
	_, err := connect(t, dsn).ExecContext(t.Context(), query)
	e := pq.As(err)
	require.NotNil(t, e, "%s: %v", query, err)
	require.Equal(t, insufficientPrivilege, string(e.Code), query)
}

// bank is two services in one database, each with a table t; alpha's app role may only SELECT
// and INSERT there.
func bank(t *testing.T, prefix string) (alpha, beta database.Roles, a, b string) {
	t.Helper()
	admin := newDatabase(t)
	a, b = prefix+"_alpha", prefix+"_beta"
	alpha, beta = service(t, admin, a), service(t, admin, b)
	require.NoError(t, database.Migrate(t.Context(), alpha.Owner, a, migrations(map[string]string{
		"00001_t.sql": "CREATE TABLE t (n int); GRANT SELECT, INSERT ON t TO micropay_" + a + ";",
	})))
	require.NoError(t, database.Migrate(t.Context(), beta.Owner, b, migrations(map[string]string{
		"00001_t.sql": "CREATE TABLE t (n int); GRANT SELECT, INSERT, UPDATE, DELETE ON t TO micropay_" + b + ";",
	})))
	return alpha, beta, a, b
}

func TestProvision_NoRoleSeesTheOtherService(t *testing.T) {
	t.Parallel()
	alpha, beta, a, b := bank(t, "see")
	for _, dsn := range []string{alpha.App, alpha.Owner} {
		refused(t, dsn, "SELECT * FROM "+b+".t")
	}
	for _, dsn := range []string{beta.App, beta.Owner} {
		refused(t, dsn, "SELECT * FROM "+a+".t")
	}
	refused(t, alpha.App, "SET ROLE micropay_"+a+"_owner")
	refused(t, alpha.App, "SET ROLE micropay_"+b)
}

func TestProvision_AppRole_MayDoWhatMigrationsGrantAndNothingElse(t *testing.T) {
	t.Parallel()
	alpha, _, a, _ := bank(t, "grant")
	exec(t, connect(t, alpha.App), "INSERT INTO t VALUES (1)") // found without naming the schema
	exec(t, connect(t, alpha.App), "SELECT * FROM "+a+".t")
	for _, query := range []string{
		"UPDATE t SET n = 2", "DELETE FROM t", "TRUNCATE t", "DROP TABLE t", "ALTER TABLE t ADD COLUMN m int",
		"CREATE TABLE " + a + ".mine (n int)", "CREATE TABLE public.mine (n int)", "CREATE SCHEMA mine",
		"CREATE TEMPORARY TABLE mine (n int)", "CREATE ROLE mine", "SELECT * FROM " + a + ".goose_db_version",
	} {
		refused(t, alpha.App, query)
	}
}

func TestProvision_ManyAtOnceAndAgain(t *testing.T) {
	t.Parallel()
	first, second := newDatabase(t), newDatabase(t) // roles are shared by all databases of a server
	errs := make([]error, 12)
	s := database.Service{Name: "crowd", OwnerPassword: "owner's password", Password: "app's password"}
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			admin := []string{first, second}[i%2]
			_, errs[i] = database.Provision(t.Context(), admin, s)
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))

	roles, err := database.Provision(t.Context(), first, s)
	require.NoError(t, err)
	require.Equal(t, "micropay_crowd", scalar[string](t, connect(t, roles.App), "SELECT current_user"))
	require.Equal(t, "micropay_crowd_owner", scalar[string](t, connect(t, roles.Owner), "SELECT current_user"))
}

func TestProvision_PasswordsAreTheGivenOnes_OrRandom(t *testing.T) {
	t.Parallel()
	admin := newDatabase(t)
	password := func(dsn string) string {
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		p, _ := u.User.Password()
		return p
	}
	roles, err := database.Provision(t.Context(), admin, database.Service{Name: "pw", Password: "p@ss/w%rd ü"})
	require.NoError(t, err)
	require.Equal(t, "p@ss/w%rd ü", password(roles.App))
	require.GreaterOrEqual(t, len(password(roles.Owner)), 26)
	exec(t, connect(t, roles.App), "SELECT 1")

	again := service(t, admin, "pw")
	require.NotEqual(t, password(roles.Owner), password(again.Owner))
	exec(t, connect(t, again.Owner), "SELECT 1")
	require.Error(t, connect(t, roles.Owner).PingContext(t.Context()), "the old password is no longer good")
}

func TestProvision_ServerNeverSeesAPassword(t *testing.T) {
	t.Parallel()
	admin := newDatabase(t)
	roles, err := database.Provision(t.Context(), admin, database.Service{Name: "unseen", Password: "canary-password"})
	require.NoError(t, err)
	stored := scalar[string](t, connect(t, admin), "SELECT rolpassword FROM pg_authid WHERE rolname = 'micropay_unseen'")
	require.Regexp(t, `^SCRAM-SHA-256\$4096:`, stored)
	exec(t, connect(t, roles.App), "SELECT 1")
}

func TestProvision_BadName_IsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Auth", "a b", `a"; DROP`, "1a", "a-b", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"} {
		_, err := database.Provision(t.Context(), "postgres://u:p@127.0.0.1:1/x", database.Service{Name: name})
		require.ErrorContains(t, err, "name", name)
	}
}

// RDS's master user is no superuser.
func TestProvision_AdminWithoutSuperuser(t *testing.T) {
	t.Parallel()
	super := newDatabase(t)
	u, err := url.Parse(super)
	require.NoError(t, err)
	db := connect(t, super)
	name := "rds" + u.Path[1:] // roles outlive their test, and it may run again
	master := "master_" + name
	exec(t, db, "CREATE ROLE "+master+" LOGIN CREATEROLE CREATEDB PASSWORD 'master'")
	exec(t, db, "ALTER DATABASE "+u.Path[1:]+" OWNER TO "+master)
	u.User = url.UserPassword(master, "master")

	roles := service(t, u.String(), name)
	require.NoError(t, database.Migrate(t.Context(), roles.Owner, name, migrations(map[string]string{
		"00001_t.sql": "CREATE TABLE t (n int); GRANT SELECT ON t TO micropay_" + name + ";",
	})))
	exec(t, connect(t, roles.App), "SELECT * FROM t")
	service(t, u.String(), name)
}
