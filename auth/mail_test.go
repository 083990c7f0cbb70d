package auth_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
)

// Not parallel: the SDK reads where AWS is, and the credentials, from the environment of the process.
func TestNew_WithASender_SendsWithSES(t *testing.T) {
	requests := make(chan map[string]any, 9)
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if json.NewDecoder(r.Body).Decode(&body) == nil && r.URL.Path == "/v2/email/outbound-emails" {
			requests <- body
		}
		_, _ = w.Write([]byte(`{"MessageId":"m"}`))
	}))
	t.Cleanup(aws.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": aws.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	} {
		t.Setenv(name, value)
	}
	s := setup(t, func(c *auth.Config) {
		c.SESFrom, c.SESConfigurationSet, c.AWSRegion, c.MailTimeout = "no-reply@pay.example", "letters", "eu-west-1", 5*time.Second
	})
	s.run()
	require.Equal(t, http.StatusCreated, s.register("ann@example.com").Status)
	select {
	case request := <-requests:
		require.Equal(t, map[string]any{"ToAddresses": []any{"ann@example.com"}}, request["Destination"])
		require.Equal(t, "letters", request["ConfigurationSetName"])
	case <-time.After(10 * time.Second):
		require.Fail(t, "no mail was sent")
	}
	require.Contains(t, s.logs.String(), `"msg":"mailer chosen","mailer":"ses","from":"no-reply@pay.example","region":"eu-west-1"`)
	requireProblem(t, s.call("GET", "/dev/mail", "", nil), http.StatusNotFound, "not_found")
}

func TestNew_WithAProfileOfAWSThatIsNone_Refuses(t *testing.T) {
	t.Setenv("AWS_PROFILE", "none-such")
	cfg := setup(t).cfg
	cfg.SESFrom, cfg.AWSRegion = "no-reply@pay.example", "eu-west-1"
	_, err := auth.New(t.Context(), cfg, auth.Deps{Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "none-such")
}
