package serve_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/serve"
	"github.com/micropay/micropay/shared/database"
	"github.com/micropay/micropay/shared/events"
)

const schemas = "../../docs/events"

func adminOf(t *testing.T, p *serve.Platform) *sqlx.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{DSN: p.AdminDSN})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// letters waits until somebody has so many of a subject, and returns them.
func letters(t *testing.T, p *serve.Platform, to, subject string, n int) (found []map[string]any) {
	t.Helper()
	require.Eventually(t, func() bool {
		found = nil
		for _, m := range call(t, 200, p.URL+"/dev/mail?to="+to, "", nil)["data"].([]any) {
			if letter := m.(map[string]any); strings.Contains(letter["subject"].(string), subject) {
				found = append(found, letter)
			}
		}
		return len(found) >= n
	}, 20*time.Second, 20*time.Millisecond, "%d letters %q to %s", n, subject, to)
	require.Len(t, found, n)
	return found
}

// told waits until every event was published, and returns them as they were.
func told(t *testing.T, db *sqlx.DB) (es []events.Event) {
	t.Helper()
	for _, service := range []string{"auth", "transaction"} {
		require.Eventually(t, func() bool {
			var waiting int
			require.NoError(t, db.GetContext(t.Context(), &waiting, `SELECT count(*) FROM `+service+`.outbox WHERE published_at IS NULL`))
			return waiting == 0
		}, 20*time.Second, 20*time.Millisecond)
		var rows []struct {
			ID       string          `db:"id"`
			Type     string          `db:"type"`
			Subject  string          `db:"subject"`
			Key      string          `db:"key"`
			Sequence int64           `db:"sequence"`
			Payload  json.RawMessage `db:"payload"`
			At       time.Time       `db:"occurred_at"`
		}
		require.NoError(t, db.SelectContext(t.Context(), &rows, `SELECT id, type, subject, key, sequence, payload, occurred_at FROM `+service+`.outbox ORDER BY seq`))
		for _, r := range rows {
			es = append(es, events.Event{
				ID: r.ID, Type: r.Type, Source: "/micropay/" + service, Subject: r.Subject, Sequence: r.Sequence, Key: r.Key, Time: r.At, Data: r.Payload,
			})
		}
	}
	return es
}

func TestEvents_AreAsTheirSchemasSay_AndHaveTheirEffect(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	db := adminOf(t, p)
	ann, from := person(t, p.URL, "ann@example.com")
	bob, to := person(t, p.URL, "bob@example.com")
	code := regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}`).FindString(letters(t, p, "ann@example.com", "Confirm", 1)[0]["text"].(string))
	call(t, 204, p.URL+"/auth/verify-email", "", map[string]any{"email": "ann@example.com", "code": code})
	call(t, 201, p.URL+"/transaction/topups", ann, map[string]any{"wallet_id": from, "amount": 1000, "currency": "USD", "provider": "sandbox"})
	call(t, 201, p.URL+"/transaction/transfers", ann, map[string]any{"from_wallet_id": from, "to_wallet_id": to, "amount": 300, "currency": "USD", "description": "lunch <b>"})
	call(t, 201, p.URL+"/transaction/withdrawals", ann, map[string]any{"wallet_id": from, "amount": 100, "currency": "USD", "provider": "sandbox", "destination": "ann@example.com"})
	eve, empty := person(t, p.URL, "eve@example.com")
	request(t, "DELETE", p.URL+"/transaction/wallets/"+empty, eve)
	request(t, "DELETE", p.URL+"/auth/me", eve)
	call(t, 204, p.URL+"/auth/logout", bob, map[string]any{})

	letters(t, p, "ann@example.com", "Welcome", 1)
	letters(t, p, "ann@example.com", "You received money", 1)
	require.Contains(t, letters(t, p, "ann@example.com", "You sent money", 2)[1]["text"], "lunch <b>", "to a proven address")
	require.NotContains(t, letters(t, p, "bob@example.com", "You received money", 1)[0]["text"], "lunch", "whose address is not proven")

	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	seen := map[string]bool{}
	for _, e := range told(t, db) {
		seen[e.Type] = true
		schema, err := compiler.Compile(filepath.Join(schemas, e.Type+".schema.json"))
		require.NoError(t, err)
		body, err := json.Marshal(e)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(value), string(body))
		_, err = events.Parse(body)
		require.NoError(t, err)
	}
	files, err := os.ReadDir(schemas)
	require.NoError(t, err)
	require.Len(t, files, len(events.Targets))
	for _, f := range files {
		require.True(t, seen[strings.TrimSuffix(f.Name(), ".schema.json")], "%s was never told", f.Name())
	}
}

// request makes a call without a body that must succeed.
func request(t *testing.T, method, url, token string) {
	t.Helper()
	require.Less(t, statusAs(t, method, url, token), 300, "%s %s", method, url)
}

// What carries events is the same in both services, so that one relay and one queue know both.
func TestMessagingTables_AreAlikeInBothServices(t *testing.T) {
	t.Parallel()
	db := adminOf(t, start(t, t.TempDir()))
	columns := func(schema string) (found []string) {
		require.NoError(t, db.SelectContext(t.Context(), &found, `SELECT format('%s.%s %s %s', table_name, column_name, data_type, is_nullable)
			FROM information_schema.columns WHERE table_schema = $1 AND table_name IN ('outbox', 'outbox_shard', 'inbox', 'queue')
			UNION ALL SELECT format('%s %s', tablename, replace(indexdef, $1 || '.', '')) FROM pg_indexes
			WHERE schemaname = $1 AND tablename IN ('outbox', 'outbox_shard', 'inbox', 'queue')`, schema))
		slices.Sort(found)
		return found
	}
	require.NotEmpty(t, columns("auth"))
	require.Equal(t, columns("auth"), columns("transaction"))
	var shards int
	require.NoError(t, db.GetContext(t.Context(), &shards, `SELECT count(*) FROM auth.outbox_shard JOIN transaction.outbox_shard USING (shard)`))
	require.Equal(t, 16, shards)
}
