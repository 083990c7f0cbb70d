package infra_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/infra"
)

// What SES learns of a letter after it took it comes to the queue that auth reads (docs/mail.md), and
// nobody but SES can stop anybody's letters.
func TestTemplates_BouncesAndComplaintsReachAuth(t *testing.T) {
	t.Parallel()
	got := map[string]infra.Resource{}
	for _, r := range infra.All(load(t)) {
		got[r.Name] = r
	}
	ref := func(name string) any { return map[string]any{"Ref": name} }
	arn := func(name string) any { return map[string]any{"Fn::GetAtt": []any{name, "Arn"}} }

	told := got["Feedback"]
	require.Equal(t, "AWS::SES::ConfigurationSetEventDestination", told.Type)
	require.Equal(t, []any{"bounce", "complaint"}, property(told, "EventDestination", "MatchingEventTypes"))
	require.Equal(t, true, property(told, "EventDestination", "Enabled"))
	require.Equal(t, ref("FeedbackTopic"), property(told, "EventDestination", "SnsDestination", "TopicARN"))

	// SES cannot use the key that AWS manages for SNS.
	require.Equal(t, ref("KeyArn"), property(got["FeedbackTopic"], "KmsMasterKeyId"))
	require.Contains(t, text(t, got["Key"].Properties), "ses.amazonaws.com")
	for _, s := range got["FeedbackTopicPolicy"].Statements() {
		if s.Effect == "Allow" {
			require.Equal(t, map[string]any{"Service": "ses.amazonaws.com"}, s.Principal)
			require.Contains(t, text(t, s.Condition), "aws:SourceAccount")
		}
	}
	for _, s := range got["FeedbackQueuePolicy"].Statements() {
		if s.Effect == "Allow" {
			require.Equal(t, map[string]any{"Service": "sns.amazonaws.com"}, s.Principal)
			require.Contains(t, text(t, s.Condition), `{"Ref":"FeedbackTopic"}`)
		}
	}
	require.Equal(t, arn("FeedbackQueue"), property(got["FeedbackSubscription"], "Endpoint"))
	require.Equal(t, true, property(got["FeedbackSubscription"], "RawMessageDelivery"))
	require.Equal(t, arn("FeedbackDeadLetters"), property(got["FeedbackQueue"], "RedrivePolicy", "deadLetterTargetArn"))

	var may []string
	for _, s := range got["AuthMail"].Statements() {
		if text(t, s.Resources) == `[{"Ref":"FeedbackQueueArn"}]` {
			may = append(may, s.Actions...)
		}
	}
	require.ElementsMatch(t, []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}, may)
	settings := sources(t)["auth.env"]
	require.Contains(t, settings, "SES_CONFIGURATION_SET=${ConfigurationSet}\n")
	require.Contains(t, settings, "SES_FEEDBACK_QUEUE_URL=${FeedbackQueueUrl}\n")
}
