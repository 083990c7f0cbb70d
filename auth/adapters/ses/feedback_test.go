package ses_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/ses"
)

// The files are the examples of the SES Developer Guide, "Amazon SNS notification examples" and
// "Examples of event data", less some headers of the mails they are about.
func TestParseFeedback_TheDocumentedExamples_GiveTheirAddresses(t *testing.T) {
	t.Parallel()
	noon := time.Date(2016, 1, 27, 14, 59, 38, 237_000_000, time.UTC)
	for file, want := range map[string]ses.Feedback{
		"bounce-dsn": {
			Kind: ses.PermanentBounce, Addresses: []string{"jane@example.com"}, At: noon,
			ID: "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa068a-000000", MessageID: "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa0680-000000",
		},
		"bounce-no-dsn": {
			Kind: ses.PermanentBounce, Addresses: []string{"jane@example.com", "richard@example.com"}, At: noon,
			ID: "00000137860315fd-869464a4-8680-4114-98d3-716fe35851f9-000000", MessageID: "00000137860315fd-34208509-5b74-41f3-95c5-22c1edc3c924-000000",
		},
		"complaint-report": {
			Kind: ses.Complaint, Addresses: []string{"richard@example.com"}, At: noon,
			ID: "000001378603177f-18c07c78-fa81-4a58-9dd1-fedc3cb8f49a-000000", MessageID: "000001378603177f-7a5433e7-8edb-42ae-af10-f0181f34d6ee-000000",
		},
		"complaint-no-report": {
			Kind: ses.Complaint, Addresses: []string{"richard@example.com"}, At: noon,
			ID: "0000013786031775-fea503bc-7497-49e1-881b-a0379bb037d3-000000", MessageID: "0000013786031775-163e3910-53eb-4c8e-a04a-f29debf88a84-000000",
		},
		"event-bounce": {
			Kind: ses.PermanentBounce, Addresses: []string{"recipient@example.com"}, At: time.Date(2017, 8, 5, 0, 41, 2, 669_000_000, time.UTC),
			ID: "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000", MessageID: "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
		},
		"delivery": {Kind: ses.NoFeedback, MessageID: "0000014644fe5ef6-9a483358-9170-4cb4-a269-f5dcdf415321-000000"},
	} {
		body, err := os.ReadFile(filepath.Join("testdata", file+".json"))
		require.NoError(t, err)
		got, err := ses.ParseFeedback(body)
		require.NoError(t, err, file)
		require.Equal(t, want, got, file)
		enveloped, err := json.Marshal(map[string]string{"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": string(body)})
		require.NoError(t, err)
		got, err = ses.ParseFeedback(enveloped)
		require.NoError(t, err)
		require.Equal(t, want, got, "as SNS wraps it: %s", file)
	}
}

func TestParseFeedback_WhatMayPass_IsNoFeedback(t *testing.T) {
	t.Parallel()
	recipients := `"bouncedRecipients":[{"emailAddress":"jane@example.com"}],"complainedRecipients":[{"emailAddress":"jane@example.com"}]`
	for _, body := range []string{
		`{"eventType":"Bounce","bounce":{"bounceType":"Transient",` + recipients + `},"mail":{"messageId":"m"}}`,
		`{"eventType":"Bounce","bounce":{"bounceType":"Undetermined",` + recipients + `},"mail":{"messageId":"m"}}`,
		`{"eventType":"Complaint","complaint":{"complaintFeedbackType":"not-spam",` + recipients + `},"mail":{"messageId":"m"}}`,
		`{"eventType":"Rendering Failure","failure":{"templateName":"x"},"mail":{"messageId":"m"}}`,
		`{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have successfully subscribed","mail":{"messageId":"m"}}`,
	} {
		got, err := ses.ParseFeedback([]byte(body))
		require.NoError(t, err)
		require.Equal(t, ses.Feedback{MessageID: "m"}, got)
	}
}

func TestParseFeedback_AnAddressMayComeWithAName(t *testing.T) {
	t.Parallel()
	got, err := ses.ParseFeedback([]byte(`{"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"Jane Doe <Jane@example.com>"}]}}`))
	require.NoError(t, err)
	require.Equal(t, []string{"Jane@example.com"}, got.Addresses)
}

func TestParseFeedback_WhatIsNone_IsRefusedWithoutAnAddress(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "null", "[]", "{}", "jane@example.com", `{"eventType":""}`, `{"eventType":7}`,
		`{"Type":"SubscriptionConfirmation","Message":"jane@example.com"}`, `{"Type":"Notification","Message":"jane@example.com"}`, `{"Type":"Notification"}`,
		`{"eventType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[]}}`,
		`{"eventType":"Bounce","bounce":{"bounceType":"Permanent","timestamp":"jane@example.com"}}`,
		`{"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"jane@example.com"},{"emailAddress":"jane@@"}]}}`,
		`{"eventType":"Complaint","complaint":{"complainedRecipients":[{}]}}`, strings.Repeat("[", 100_000),
	} {
		got, err := ses.ParseFeedback([]byte(body))
		require.ErrorContains(t, err, "feedback", body)
		require.NotContains(t, err.Error(), "jane")
		require.Zero(t, got)
	}
}
