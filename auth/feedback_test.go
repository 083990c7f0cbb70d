package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth"
	"github.com/micropay/micropay/testing/contract/queues"
	"github.com/micropay/micropay/testing/goaws"
)

// What SES tells of an address comes by a queue, and stops the letters to it.
func TestMailFeedback_StopsLetters(t *testing.T) {
	t.Parallel()
	aws := goaws.New(t).AWSConfig()
	queue := queues.Provision(t, aws, false, "auth").Queues["auth"]
	s := prepare(t)
	s.aws, s.cfg.SESFeedbackQueueURL, s.cfg.Events.Wait = &aws, queue, time.Second
	s.start()
	s.run()
	s.person("ann@example.com")
	s.person("bob@example.com")
	stopped := func(address string) (stopped bool) {
		require.NoError(t, s.db.Admin.GetContext(t.Context(), &stopped, `SELECT mail_stopped FROM auth.users WHERE email = $1`, address))
		return stopped
	}
	for _, body := range []string{
		`{"eventType":"Bounce","bounce":{"bounceType":"Transient","bouncedRecipients":[{"emailAddress":"bob@example.com"}],"feedbackId":"1"},"mail":{"messageId":"m"}}`,
		`{"eventType":"Delivery","mail":{"messageId":"m"}}`, "not of SES",
		`{"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"Ann@Example.com"}],"feedbackId":"2"},"mail":{"messageId":"m"}}`,
	} {
		queues.Bury(t, aws, queue, body)
	}
	require.Eventually(t, func() bool { return stopped("ann@example.com") }, 20*time.Second, 20*time.Millisecond)
	require.False(t, stopped("bob@example.com"), "it may pass")
}

func TestConfig_AQueueOfFeedbackIsAnAddress(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.cfg.SESFeedbackQueueURL = "queue"
	_, err := auth.New(t.Context(), s.cfg, auth.Deps{})
	require.ErrorContains(t, err, "SES_FEEDBACK_QUEUE_URL")
}
