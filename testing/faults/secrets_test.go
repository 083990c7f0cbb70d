package faults_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestSecrets_AreInNoLogNorColumn(t *testing.T) {
	t.Parallel()
	log := &logs{}
	const internal = "canary-between-the-services"
	w := newWorld(t, options{log: log, env: []string{"INTERNAL_TOKEN=" + internal}})
	ann := w.people[0]
	login := w.must(person{}, http.MethodPost, "/auth/login", fields{"email": ann.email, "password": password})
	refresh := fmt.Sprint(login.Body["refresh_token"])
	w.must(person{}, http.MethodPost, "/auth/refresh", fields{"refresh_token": refresh})
	// Where errors are made of what was sent.
	const card = "4242424242424242"
	for _, body := range []string{
		`{"email":"x@example.com","password":"` + password + `"`, `{"password":"` + password + `","password":"b"}`,
		`{"email":["` + password + `"]}`, `{"refresh_token":"` + refresh + `","card":"` + card + `"}`, "\xff" + password, `"` + card + `"`,
	} {
		for _, path := range []string{"/auth/register", "/auth/login", "/auth/refresh", "/auth/password/reset"} {
			a := w.call(person{}, "", http.MethodPost, path, body)
			require.GreaterOrEqual(t, a.Status, 400)
			for _, secret := range []string{password, refresh, card} {
				require.NotContains(t, a.Text, secret, path)
			}
		}
	}
	w.call(person{token: ann.token + "x"}, "", http.MethodGet, "/auth/me", nil)
	w.call(ann, uuid.NewString(), http.MethodPost, "/transaction/transfers", `{"card":"`+card+`"}`)
	w.server.KillBackends("")
	w.admin = w.open(w.server.AdminDSN())
	w.call(ann, "", http.MethodGet, "/auth/me", nil)
	w.ready()

	secrets := []string{password, ann.token, refresh, internal, card}
	for _, s := range secrets {
		require.NotContains(t, log.String(), s)
	}
	var columns []struct{ Table, Column string }
	require.NoError(t, w.admin.SelectContext(t.Context(), &columns, `SELECT format('%I.%I', table_schema, table_name) AS table, format('%I', column_name) AS column
		FROM information_schema.columns WHERE table_schema IN ('auth', 'transaction') AND data_type IN ('text', 'jsonb', 'bytea')`))
	require.NotEmpty(t, columns)
	for _, c := range columns {
		var all string
		require.NoError(t, w.admin.GetContext(t.Context(), &all, fmt.Sprintf(`SELECT coalesce(string_agg(%[1]s::text, ' '), '') FROM %[2]s`, c.Column, c.Table)))
		for _, s := range secrets {
			require.False(t, strings.Contains(all, s), "%s.%s holds a secret", c.Table, c.Column)
		}
	}
}
