package transaction_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestHistory_PagesAndPastBalances(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob := p.person(), p.person()
	from, to := alice.wallet("USD", 100), bob.wallet("USD", 0)
	second := alice.wallet("EUR", 50)
	var moments []string
	for range 5 {
		sent := alice.send(from, to, 1, "USD")
		moments = append(moments, fmt.Sprint(sent.Body["created_at"]))
	}
	seen, cursor := 0, ""
	for {
		page := alice.get("/history?limit=3" + cursor)
		require.Equal(t, 200, page.Status, page.Text)
		seen += len(page.Body["data"].([]any))
		if page.Body["next_cursor"] == nil {
			break
		}
		cursor = "&cursor=" + fmt.Sprint(page.Body["next_cursor"])
	}
	require.Equal(t, 7, seen)
	newest := alice.get("/wallets/" + from + "/entries?limit=1").Body["data"].([]any)[0].(map[string]any)
	require.EqualValues(t, -1, newest["amount"])
	require.Equal(t, to, newest["counterparty"].(map[string]any)["wallet_id"])
	require.EqualValues(t, 95, newest["balance_after"].(map[string]any)["amount"])
	require.Len(t, alice.get("/history?from=" + url.QueryEscape(moments[3])).Body["data"], 2)
	require.Len(t, alice.get("/wallets/" + second + "/entries").Body["data"], 1)

	then := alice.get("/wallets/" + from + "/balance?at=" + url.QueryEscape(moments[1]))
	require.EqualValues(t, 98, then.Body["balance"].(map[string]any)["amount"])
	require.EqualValues(t, 95, alice.get("/wallets/" + from + "/balance").Body["balance"].(map[string]any)["amount"])
}

func TestHistory_BadParameters_AreRefused(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice := p.person()
	id := alice.wallet("USD", 0)
	later := url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))
	for query, want := range map[string]int{
		"/history?limit=0": 400, "/history?limit=101": 400, "/history?limit=x": 400, "/history?cursor=!": 400, "/history?cursor=e30": 400,
		"/history?cursor=eyJ0IjotMSwidyI6IngiLCJzIjoxfQ": 400, "/history?page=2": 400, "/history?limit=1&limit=2": 400,
		"/history?from=x": 400, "/history?to=x": 400, "/history?from=" + later + "&to=" + later: 422,
		"/wallets/" + id + "/balance?at=x": 400, "/wallets/" + id + "/balance?at=" + later: 422, "/wallets/" + id + "/balance?x=1": 400,
		"/wallets/" + id + "/statement?limit=1": 400, "/wallets/" + id + "/statement?from=" + later: 422,
		"/wallets/" + id + "/statement?from=x": 400, "/wallets?x=1": 400, "/wallets/" + id + "/entries?limit=0": 400,
		"/wallets/" + id + "/entries?from=" + later + "&to=" + later: 422, "/transfers/garbage": 404, "/transfers/" + uuid.NewString(): 404,
	} {
		require.Equal(t, want, alice.get(query).Status, query)
	}
	require.Equal(t, 406, alice.call(http.MethodGet, "/wallets/"+id+"/statement", "", "Accept", "image/png").Status)
}

func TestStatement_IsJSONOrCSV(t *testing.T) {
	t.Parallel()
	p := setup(t)
	alice, bob := p.person(), p.person()
	from, to := alice.wallet("USD", 1000), bob.wallet("USD", 0)
	alice.move("/transfers", `{"from_wallet_id":%q,"to_wallet_id":%q,"amount":250,"currency":"USD","description":"=1+1, \"x\""}`, from, to)

	s := alice.get("/wallets/" + from + "/statement")
	require.Equal(t, 200, s.Status, s.Text)
	require.EqualValues(t, 0, s.Body["opening_balance"].(map[string]any)["amount"])
	require.EqualValues(t, 750, s.Body["closing_balance"].(map[string]any)["amount"])
	require.Len(t, s.Body["entries"], 2)

	c := alice.call(http.MethodGet, "/wallets/"+from+"/statement", "", "Accept", "text/csv")
	require.Contains(t, c.Header.Get("Content-Type"), "text/csv")
	rows, err := csv.NewReader(strings.NewReader(c.Text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	require.Equal(t, []string{"opening", "0.00"}, []string{rows[1][1], rows[1][6]})
	require.Equal(t, []string{"'=1+1, \"x\"", "-2.50", "7.50", "USD"}, rows[3][4:], "no spreadsheet runs it as a formula")
	require.Equal(t, []string{"closing", "7.50"}, []string{rows[4][1], rows[4][6]})
}
