package ses_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/ses"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/moto"
)

const sender = "MicroPay <no-reply@pay.example>"

// double is SES as the API reference of SendEmail describes it (SES API v2, POST
// /v2/email/outbound-emails); answers come in turn, then every message is accepted.
type double struct {
	url     string
	mu      sync.Mutex
	answers []http.HandlerFunc
	calls   int
	bodies  []map[string]any // of what was accepted
	headers []http.Header
}

func newDouble(t *testing.T, answers ...http.HandlerFunc) *double {
	t.Helper()
	d := &double{answers: answers}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v2/email/outbound-emails" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if answer := d.next(); answer != nil {
		answer(w, r)
		return
	}
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		refuse(http.StatusBadRequest, "BadRequestException")(w, r)
		return
	}
	d.mu.Lock()
	d.bodies, d.headers = append(d.bodies, body), append(d.headers, r.Header)
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"MessageId":"0100-example"}`))
}

func (d *double) next() http.HandlerFunc {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if len(d.answers) == 0 {
		return nil
	}
	answer := d.answers[0]
	d.answers = d.answers[1:]
	return answer
}

func (d *double) called() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// inbox is what was accepted, as a reader finds it.
func (d *double) inbox(t *testing.T) (mails []ports.Mail) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, raw := range d.bodies {
		var body struct {
			Destination struct{ ToAddresses []string }
			Content     struct {
				Simple struct {
					Subject struct{ Data string }
					Body    struct{ Text, Html struct{ Data string } } //nolint:revive // as SES spells it
				}
			}
		}
		encoded, err := json.Marshal(raw)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(encoded, &body))
		require.Len(t, body.Destination.ToAddresses, 1)
		to, err := domain.ParseEmail(body.Destination.ToAddresses[0])
		require.NoError(t, err)
		mails = append(mails, ports.Mail{
			To: to, Subject: body.Content.Simple.Subject.Data, Text: body.Content.Simple.Body.Text.Data, HTML: body.Content.Simple.Body.Html.Data,
		})
	}
	return mails
}

// hangUp takes the request and ends the connection.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// page is what a proxy before SES may say.
func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("<html>ann@example.com cannot be reached</html>"))
}

// refuse answers with an error, whose text names the reader as that of SES may.
func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", code+":http://internal.amazon.com/coral/")
		w.Header().Set("X-Amzn-Requestid", "request-7")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"message":"Email address is not verified: ann@example.com"}`))
	}
}

// config is that of a client of the double which does not wait long between its attempts.
func (d *double) config() aws.Config {
	cfg := moto.ConfigOf(d.url)
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
	}
	return cfg
}

func (d *double) mailer() *ses.Mailer {
	return ses.New(d.config(), ses.Options{From: sender, Timeout: 10 * time.Second})
}

func mail(t *testing.T) ports.Mail {
	t.Helper()
	to, err := domain.ParseEmail("ann@example.com")
	require.NoError(t, err)
	return ports.Mail{To: to, Subject: "Señal", Text: "ünï\n", HTML: "<p>ünï</p>\n"}
}
