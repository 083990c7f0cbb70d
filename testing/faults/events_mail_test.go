package faults_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/awsfault"
	"github.com/micropay/micropay/testing/torture"
)

// Mail fails in every way that passes: no payment notices, and each letter goes out once when the
// trouble is over.
func TestMailFailsForAWhile_PaymentsGoOnAndEachLetterGoesOutOnce(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 4, env: []string{"MAIL_TIMEOUT=300ms"}})
	w.told(nil)
	var deeds []deed
	for range torture.Times() {
		for _, fault := range []awsfault.Fault{{Error: awsfault.InternalError}, {Error: awsfault.Throttled}, {Error: awsfault.Expired}, {Hang: true}, {Down: true}} {
			w.aws.Set("SendEmail", fault)
			calls := w.aws.Calls("SendEmail")
			deeds = append(deeds, w.payments(10)...)
			require.Eventually(t, func() bool { return w.aws.Calls("SendEmail") > calls+2 }, 20*time.Second, time.Millisecond)
		}
	}
	w.aws.Heal("SendEmail")
	w.relayed()
	require.Eventually(t, func() bool {
		_, err := w.admin.ExecContext(t.Context(), `UPDATE auth.letter SET due_at = clock_timestamp()
			WHERE attempts > 0 AND due_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '50 s'`) // not what is under way
		require.NoError(t, err)
		return w.allWrittenTo(deeds)
	}, time.Minute, 50*time.Millisecond, "%s", w.log)
	w.told(deeds)
	require.NotEmpty(t, w.log.lines("letter not sent, will try again"))
	w.nobodyNamed()
	w.clean()
}

// A mail that SES will never take is given up, and the log says so without the address.
func TestMailRefusedForEver_IsGivenUp(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 3})
	w.told(nil)
	w.aws.Set("SendEmail", awsfault.Fault{Error: awsfault.Error{
		Status: http.StatusBadRequest, Code: "MessageRejected", Message: "Email address is not verified: " + w.people[0].email,
	}})
	deeds := w.payments(10 * torture.Times())
	w.relayed()
	require.Eventually(t, func() bool {
		return len(w.log.lines("letter given up")) >= 2*len(deeds) && w.count(`SELECT count(*) FROM auth.letter`) == 0
	}, 30*time.Second, 20*time.Millisecond, "%s", w.log)
	w.aws.Heal("SendEmail")
	more := w.payments(5)
	w.told(more)
	for _, d := range deeds {
		require.Zero(t, w.mail.about(d.from, d.id), "given up is given up")
	}
	w.nobodyNamed()
}

// nobodyNamed demands that no line of trouble holds somebody's address.
func (w *eventWorld) nobodyNamed() {
	w.t.Helper()
	for _, p := range w.people {
		require.Empty(w.t, w.log.lines(p.email), "an address in the log")
	}
}

// Names and notes that are made to break out, from the API to the mail: one reader, no header, no
// markup, one line.
func TestHostileText_ReachesTheMailAsData(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 1})
	w.prove(w.people[0])
	hostile := []string{
		"x\r\nBcc: eve@example.com", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "{{.Secret}}{{template \"body\" .}}", "%s%d%n ${jndi:x}",
		"\u202etxt.exe", "=cmd|'/c calc'!A0", "</title></html>", "\U0001f469\u200d\U0001f680 \u0645\u062d\u0645\u062f", "a\u2028b", "--=_b\nContent-Type: text/html", strings.Repeat("w", 10_000), "'; DROP TABLE letter; --",
	}
	var deeds []deed
	accepted := 0
	for i, text := range hostile {
		p := person{email: fmt.Sprintf("hostile%d@example.com", i)}
		a := w.call(p, "", http.MethodPost, "/auth/register", fields{"email": p.email, "password": password, "name": text})
		if a.Status < 300 {
			accepted++
			p.token = fmt.Sprint(w.must(p, http.MethodPost, "/auth/login", fields{"email": p.email, "password": password}).Body["access_token"])
			wallets := w.must(p, http.MethodGet, "/transaction/wallets", nil)
			p.wallet = fmt.Sprint(wallets.Body["data"].([]any)[0].(map[string]any)["id"])
			w.topUp(p, start)
			w.prove(p)
			w.people = append(w.people, p)
		} else {
			require.Less(t, a.Status, 500, a.Text)
		}
		payer := w.people[len(w.people)-1]
		if len(w.people) == 1 {
			continue
		}
		body := transferOf(payer, w.people[0], 7)
		body["description"] = text
		got := w.call(payer, uuid.NewString(), http.MethodPost, "/transaction/transfers", body)
		if got.Status == http.StatusCreated {
			deeds = append(deeds, deed{fmt.Sprint(got.Body["id"]), payer, w.people[0]})
		} else {
			require.Less(t, got.Status, 500, got.Text)
		}
	}
	require.GreaterOrEqual(t, accepted, 6)
	require.GreaterOrEqual(t, len(deeds), 6)
	w.told(deeds)
	for _, m := range w.mail.all() {
		require.Regexp(t, `^[a-z]+[0-9]+@example\.com$`, m.to, "one reader, who is somebody of ours")
		require.Regexp(t, `^[A-Z][A-Za-z -]+$`, m.subject, "nothing that people chose")
		require.NotRegexp(t, `(?i)<script|<img|onerror=[^&]*>|</title></html>.*</html>`, m.html)
		require.NotRegexp(t, regexp.MustCompile(`(?mi)^(bcc|content-type):`), m.text)
		require.NotContains(t, m.text+m.html, "\u202e")
		require.NotContains(t, m.text+m.html, "\u2028")
		require.NotContains(t, m.text+m.html, "\r")
		require.Less(t, len(m.raw), 20_000)
	}
	said := fmt.Sprint(w.mail.all())
	require.Contains(t, said, "{{.Secret}}", "braces are text")
	require.Contains(t, said, "&lt;script&gt;", "markup is text")
	require.Contains(t, said, "محمد")
}

var mailedCode = regexp.MustCompile(`\b[0-9A-Z]{4}(-[0-9A-Z]{4}){2}\b`)

// prove confirms an address by the code in its mail: what others chose is written to no other.
func (w *eventWorld) prove(p person) {
	w.t.Helper()
	var code string
	require.Eventually(w.t, func() bool {
		for _, m := range w.mail.all() {
			if m.to == p.email && code == "" {
				code = mailedCode.FindString(m.text)
			}
		}
		return code != ""
	}, 10*time.Second, 10*time.Millisecond)
	w.must(p, http.MethodPost, "/auth/verify-email", fields{"email": p.email, "code": code})
}

// Secrets are in no event, and neither are names and addresses.
func TestEvents_HoldNoSecretsAndNoAddresses(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t, eventOptions{people: 3})
	w.payments(10)
	login := w.must(person{}, http.MethodPost, "/auth/login", fields{"email": w.people[0].email, "password": password})
	w.must(person{token: fmt.Sprint(login.Body["access_token"])}, http.MethodPost, "/auth/logout", nil)
	w.relayed()
	secrets := []string{password, "between-services-canary", fmt.Sprint(login.Body["access_token"]), fmt.Sprint(login.Body["refresh_token"])}
	for _, p := range w.people {
		secrets = append(secrets, p.token, p.email)
	}
	for _, m := range w.mail.all() {
		if strings.Contains(m.subject, "erif") || strings.Contains(m.subject, "onfirm") {
			secrets = append(secrets, regexp.MustCompile(`[A-Z0-9]{4}(-[A-Z0-9]{4})+|\b[0-9]{6,}\b`).FindAllString(m.text, -1)...)
		}
	}
	require.Greater(t, len(secrets), 10, "the codes in the mail among them")
	var kept []string
	require.NoError(t, w.admin.SelectContext(t.Context(), &kept, `SELECT o::text FROM transaction.outbox o UNION ALL SELECT o::text FROM auth.outbox o
		UNION ALL SELECT l::text FROM auth.letter l UNION ALL SELECT q::text FROM auth.queue q UNION ALL SELECT q::text FROM transaction.queue q
		UNION ALL SELECT i::text FROM auth.inbox i`))
	for _, e := range w.topic.events() {
		body, err := json.Marshal(e)
		require.NoError(t, err)
		kept = append(kept, string(body))
	}
	require.Greater(t, len(kept), 40)
	everything := strings.Join(kept, "\n")
	for _, secret := range secrets {
		require.NotContains(t, everything, secret)
	}
	for _, secret := range secrets {
		require.Empty(t, w.log.lines(secret), "a secret in the log")
	}
}
